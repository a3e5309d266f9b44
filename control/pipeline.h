// The stages in order: config, validate, compile, store, publish, confirm. The only file that knows
// all of them, and the owner of what runs.
//
// One change at a time: Apply() and the thread that looks after (re)connected planes take turns at
// one lock. Readers take Running(), an immutable snapshot, and never wait for a publication.
//
//   auto pipeline = Pipeline::Create(store.get(), {sink.get()}, {});
//   (*pipeline)->Start();
//   ApplyOutcome outcome = (*pipeline)->Apply({.content = yaml, .reason = "...", .confirm = "now"},
//   who);
//
// How a revision comes to run, and what a kill at each point leaves:
//   stored as pending, generation reserved   next start: the plane does not run it: abandoned
//   published, acknowledged                  next start: the plane runs it: confirmed
//   stored as confirmed, told to the caller  next start: finds it running, changes nothing
#ifndef CONTROL_PIPELINE_H_
#define CONTROL_PIPELINE_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/change/calls.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/plan/plan.h"
#include "control/publish/compile.h"
#include "control/publish/key_file.h"
#include "control/publish/sink.h"
#include "control/store/store.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

// A confirmed revision and what was made of it. Immutable.
struct RunningRevision {
  int64_t revision = 0;
  uint64_t generation = 0;     // under which it was published last
  std::string content_digest;  // SHA-256 of the file's content, hex
  Config config;
  CompiledPtr compiled;  // null where it could not be built again (the key file is gone)
};
using RunningPtr = std::shared_ptr<const RunningRevision>;

class Pipeline {
 public:
  struct Options {
    absl::Duration publish_timeout = absl::Seconds(4);
    // How long a plane that could not be brought up to date is left alone.
    absl::Duration retry_interval = absl::Seconds(1);
  };

  // Reads what the store knows. `store` and `sinks` outlive the pipeline.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(Store* store,
                                                          std::vector<PlaneSink*> sinks,
                                                          Options options);
  ~Pipeline();

  // Starts the sinks and the thread that adopts what they connect to.
  void Start();

  // Returns once every plane runs `call.content` (on trial, unless `confirm` is "now"), or nothing
  // has changed.
  ApplyOutcome Apply(const ApplyCall& call, const Who& who);

  // The trial becomes the running revision for good: told only once every plane has agreed.
  ApplyOutcome Confirm(const Who& who);
  // Without `to` the trial ends and its base runs again; with it an earlier revision's content is
  // applied and confirmed at once.
  ApplyOutcome Rollback(const RollbackCall& call, const Who& who);
  // Both make a revision that is confirmed at once.
  ApplyOutcome Drain(const DrainCall& call, const Who& who);
  ApplyOutcome Undrain(const DrainCall& call, const Who& who);

  // How the trial of `revision` ended; still kTrial at `deadline`. NotFound: no such revision.
  absl::StatusOr<ApplyOutcome> AwaitTrialEnd(int64_t revision, absl::Time deadline);

  // What applying `content` would do to what runs now. `findings` of a plan whose candidate has
  // errors are all that it holds; its verdict is a refusal then.
  absl::StatusOr<Plan> PlanChange(const std::string& content, const std::string& file,
                                  const std::vector<Allow>& allow);

  // Unset: nothing is on trial.
  std::optional<TrialView> Trial() const;
  // Every revision, the newest first, without contents.
  absl::StatusOr<std::vector<Revision>> History();
  // With its content. NotFound: no such revision.
  absl::StatusOr<Revision> Show(int64_t revision);
  // Looks at everything now. Nothing is changed by it.
  AuditReport Audit();
  std::vector<ControlAlarm> Alarms() const;
  // Of what runs.
  std::vector<DrainView> Drains() const;
  // A caller who may not do `verb` was turned away: goes to the audit log.
  void LogRefusal(absl::string_view verb, const Who& who, absl::string_view why);

  // Null before the first revision.
  RunningPtr Running() const;
  const std::vector<PlaneSink*>& sinks() const { return sinks_; }

 private:
  Pipeline(Store* store, std::vector<PlaneSink*> sinks, Options options)
      : store_(store), sinks_(std::move(sinks)), options_(options) {}

  // Of one publication, before it is stored.
  struct Candidate {
    std::shared_ptr<RunningRevision> running;
    ClusterKey key;
    LeaseTable leases;
  };

  absl::Status Load();
  absl::StatusOr<std::shared_ptr<RunningRevision>> Rebuild(const Revision& revision);

  std::optional<ApplyOutcome> ApplyUnchanged(const ApplyCall& call, const std::string& digest);
  std::optional<Refusal> CheckPlanes();
  enum class MissingKey { kMake, kRefuse };
  absl::StatusOr<ClusterKey> KeyFor(const Config& config, MissingKey missing);
  absl::StatusOr<Candidate> Prepare(Config config, const std::string& digest);
  std::optional<Refusal> Publish(const Candidate& candidate, const Revision& revision);
  void TakeBack(int64_t revision, const absl::Status& why, const LeaseTable& attempted);

  void PlanesChanged();
  void Watch();
  // True: every connected plane runs what it should.
  bool ReconcileAll();
  bool Reconcile(PlaneSink* sink);
  bool SettlePending();
  bool IsUnknown(const PlaneState& state);
  void AdoptUnknown(const PlaneSink& sink, const PlaneState& state);
  absl::Status Republish();
  absl::StatusOr<uint64_t> NextGeneration() const;
  void Install(RunningPtr running);

  Store* const store_;
  const std::vector<PlaneSink*> sinks_;
  const Options options_;

  std::mutex change_mutex_;  // one change at a time; guards what follows
  CompileCache cache_;
  LeaseTable leases_;
  std::map<PlaneSink*, uint64_t> connections_;  // that were looked at
  std::string last_fault_;                      // of reconciling, so that it is logged once

  mutable std::mutex running_mutex_;
  RunningPtr running_;

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool changed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_PIPELINE_H_
