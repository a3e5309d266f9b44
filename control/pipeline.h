// The stages in order: config, validate, plan, guards, publish, trial, confirm or rollback. The
// only file that knows all of them, and the owner of what runs.
//
// One change at a time: calls that change something and the thread that looks after planes and
// deadlines take turns at one lock. Readers take snapshots (Running(), Trial(), Alarms()) and never
// wait for a publication.
//
//   auto pipeline = Pipeline::Create(store.get(), {sink.get()}, {});
//   (*pipeline)->Start();
//   ApplyOutcome outcome = (*pipeline)->Apply({.content = yaml, .reason = "..."}, who);  // a trial
//   outcome = (*pipeline)->Confirm(who);
//
// How a change comes to run is a walk through states of the store (store.h), each reached by one
// transaction. Whatever is killed in between, the next evenkeeld finds the state, asks the planes,
// and goes on as NextStep() says (rollback/trial_step.h): a plane that holds a trial confirms or
// goes back exactly once, and what it did is what gets recorded.
//
// The parts: pipeline.cc (life, what runs), pipeline_apply.cc (one change, to its publication),
// pipeline_canary.cc (how it widens), pipeline_trial.cc (its end), pipeline_drain.cc,
// pipeline_planes.cc (planes that connect), pipeline_audit.cc, pipeline_look.cc (what is only
// asked).
#ifndef CONTROL_PIPELINE_H_
#define CONTROL_PIPELINE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
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
#include "control/canary/stage.h"
#include "control/change/calls.h"
#include "control/change/clock.h"
#include "control/change/drain_forecast.h"
#include "control/change/judge.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/overlay/standings.h"
#include "control/plan/plan.h"
#include "control/publish/compile.h"
#include "control/publish/key_file.h"
#include "control/publish/publisher.h"
#include "control/publish/read_flows.h"
#include "control/publish/sink.h"
#include "control/rollback/trial_step.h"
#include "control/store/store.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

struct ShadowCandidate;

// What runs, confirmed or on trial, and what was made of it. Immutable.
struct RunningRevision {
  int64_t revision = 0;
  uint64_t generation = 0;     // under which it was published last
  std::string content_digest;  // SHA-256 of the file's content, hex
  Revision record;             // as stored when it was begun, without its content
  Config config;               // of the file, with the drains beside it; of a stage: its own
  std::shared_ptr<const CanaryStage> canary;  // null: it has every slot
  CompiledPtr compiled;  // null where it could not be built again (the key file is gone)
};
using RunningPtr = std::shared_ptr<const RunningRevision>;

class Pipeline {
 public:
  struct Options {
    absl::Duration publish_timeout = absl::Seconds(4);
    // A plane of a thousand tables that has little time for it looks at them for long.
    absl::Duration audit_timeout = absl::Seconds(30);
    // How long a plane that could not be brought up to date is left alone.
    absl::Duration retry_interval = absl::Seconds(1);
    const Clock* clock = SystemClock();
    // Told of each step of a change once it is done ("begun", "published", "trial", ...), with the
    // lock held. For whoever wants to see a change happen; may be empty.
    std::function<void(absl::string_view step)> at_step = {};
    // New flows a second by service, for plans; may be empty.
    std::function<std::map<std::string, double>()> new_flows = {};
    // Flows that the node can follow at a time, for plans; 0: not known. May be empty.
    std::function<uint64_t()> flow_table_entries = {};
    // Told what is to be checked from now on, verdicts to come by Take(); may be empty.
    std::function<void(const std::vector<HealthTarget>&, const Network&)> check = {};
    // Tries the checks of a candidate, within about the given time; may be empty.
    std::function<std::vector<Finding>(const Config&, absl::Duration within)> probe = {};
  };

  // Reads what the store knows. `store` and `sinks` outlive the pipeline.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(Store* store,
                                                          std::vector<PlaneSink*> sinks,
                                                          Options options);
  ~Pipeline();

  // Starts the sinks, the thread that looks after planes and deadlines, and that of audits.
  void Start();
  // One round of what these threads do. True: nothing is left to do before a plane changes, time
  // passes or a person speaks.
  bool Settle();

  // Returns once every plane runs `call.content` (on trial, unless `confirm` is "now"), or nothing
  // has changed.
  ApplyOutcome Apply(const ApplyCall& call, const Who& who);

  // What a shadow of `call.content` would decide by: judged as an apply, with guards told and not
  // obeyed; nothing is stored or published (control/shadow/).
  ShadowCandidate MakeShadow(const ApplyCall& call, const Who& who);
  void LogShadow(const Who& who, absl::string_view text);

  // The trial becomes the running revision for good: told only once every plane has agreed.
  // `judged`: the trial that is meant; another one is left alone.
  ApplyOutcome Confirm(const Who& who, std::optional<int64_t> judged = {});
  // A canary gets its next stage, which every plane runs when this ends well. FailedPrecondition:
  // it is not at that stage any more.
  absl::Status Widen(const WidenCall& call, const Who& who);
  // What keeps the canary of `revision` from its next stage, for whoever looks.
  void TellCanary(int64_t revision, std::string waits_for);
  // Without `to` the trial ends and its base runs again; with it an earlier revision's content is
  // applied and confirmed at once, drains as they are now.
  ApplyOutcome Rollback(const RollbackCall& call, const Who& who);
  // Both make a revision that is confirmed at once. A drain of what drains already changes its
  // reason and its end.
  ApplyOutcome Drain(const DrainCall& call, const Who& who);
  ApplyOutcome Undrain(const DrainCall& call, const Who& who);

  // A backend has begun to pass or to fail. Any thread; returns at once.
  void Take(const HealthVerdict& verdict);
  const Standings& standings() const { return standings_; }

  // How the trial of `revision` ended; still kTrial at `deadline`. NotFound: no such revision.
  absl::StatusOr<ApplyOutcome> AwaitTrialEnd(int64_t revision, absl::Time deadline);

  // What applying `call.content` would do to what runs now. The plan of a candidate that has errors
  // is a refusal with findings and nothing else (its digest is all zeros). With a probe it blocks
  // for as long as that takes; what is found is no part of the digest.
  absl::StatusOr<Plan> PlanChange(const PlanCall& call);

  // What the planes run: the trial while there is one, else the newest confirmed revision. Null
  // before the first.
  RunningPtr Running() const;
  // Unset: nothing is on trial.
  std::optional<TrialView> Trial() const;
  // Every revision, the newest first, without contents.
  absl::StatusOr<std::vector<Revision>> History();
  // With its content. NotFound: no such revision.
  absl::StatusOr<Revision> Show(int64_t revision);
  // Looks at everything now. Nothing is changed by it. Changes go on while the planes look.
  AuditReport Audit();
  std::vector<ControlAlarm> Alarms() const;
  // Of what runs, with how far they have got by the last look at the flow tables.
  std::vector<DrainView> Drains() const;
  // A caller who may not do `verb` was turned away: goes to the audit log.
  void LogRefusal(absl::string_view verb, const Who& who, absl::string_view why);

  const std::vector<PlaneSink*>& sinks() const { return sinks_; }

 private:
  Pipeline(Store* store, std::vector<PlaneSink*> sinks, Options options);

  // What somebody wants to come to run.
  struct Proposal {
    std::string verb;  // apply | rollback | drain | undrain
    std::string content;
    std::string file;
    std::string reason;
    Who who;
    std::vector<BackendDrain> drains;
    std::vector<Allow> allow;
    std::map<std::string, double> new_flows;  // told by the caller; empty: as measured
    std::string plan_digest;
    bool on_trial = false;
    std::optional<absl::Duration> confirm_within;
    std::optional<int> canary_percent;
    std::string again;
    OldErrors old_errors = OldErrors::kRefuse;
    bool force = false;  // the guards are told, not obeyed
  };

  // A revision between its beginning and its end.
  struct Change {
    Revision revision;  // without content
    std::shared_ptr<RunningRevision> running;
    LeaseTable leases;  // what its images use
    // What runs again when it ends badly; null: nothing. Of a trial: as its way back.
    RunningPtr back;
    CompiledPtr way_back;
    LeaseTable leases_back;
    std::optional<std::string> key_hash;      // not set: the key could not be read
    std::map<PlaneSink*, PlaneView> answers;  // that planes have given; these latch
    bool is_trial() const { return revision.trial.has_value(); }
  };

  // How a change ended, until the store has it.
  struct Ending {
    int64_t revision = 0;
    RevisionState state = RevisionState::kRolledBack;
    std::string outcome;
    ReturnedBase base;
    LogEntry entry;
  };

  // pipeline.cc
  absl::Status Load();
  absl::StatusOr<std::shared_ptr<RunningRevision>> Rebuild(const Revision& revision,
                                                           const LeaseTable& leases);
  absl::StatusOr<LeaseTable> StoredLeases(int64_t revision);
  absl::StatusOr<Change> RebuildChange(const Revision& revision);
  void Watch();
  void KeepAuditing();
  bool SettleLocked();
  void PlanesChanged();
  absl::Duration UntilNextAudit() const;
  absl::Duration UntilNextDuty(bool settled) const;
  void Step(absl::string_view step);
  void Install(RunningPtr running);
  RunningPtr Base() const;  // what the next change begins from
  LogEntry Entry(const Who& who, absl::string_view event, int64_t revision, std::string text) const;
  // Keeps the alarm about the state directory as it should be; returns `status`.
  absl::Status Noted(absl::Status status);

  // pipeline_apply.cc
  std::optional<Refusal> CheckCall(const ApplyCall& call) const;
  std::optional<Refusal> CheckIdle();
  std::optional<Refusal> CheckAgain(const std::string& digest);
  std::optional<Refusal> CheckCanary(const Config& candidate) const;
  std::optional<ApplyOutcome> ApplyUnchanged(const ApplyCall& call, const std::string& digest);
  ApplyOutcome ApplyLocked(const ApplyCall& call, const Who& who);
  ApplyOutcome Carry(const Proposal& proposal);
  std::optional<Refusal> CheckVerdict(const Proposal& proposal, const Plan& plan) const;
  absl::StatusOr<Judgement> JudgeProposal(const Proposal& proposal);
  std::optional<Refusal> CheckPlanes();
  enum class MissingKey { kMake, kRefuse };
  absl::StatusOr<ClusterKey> KeyFor(const Config& config, MissingKey missing);
  absl::StatusOr<Change> Prepare(const Proposal& proposal, Judgement judged);
  absl::Status MakeImages(Change& change, const ClusterKey& key, const TrialTimes& times);
  absl::Status PublishTo(PlaneSink* sink, const Change& change);
  absl::Status Publish(Change& change);
  void TakeBack(const Change& change, const absl::Status& why);
  ApplyOutcome Refused(const Who& who, absl::string_view what, Refusal refusal,
                       std::vector<Finding> findings = {});
  absl::StatusOr<uint64_t> NextGeneration() const;

  // pipeline_canary.cc
  absl::Status RecordStage(const WidenCall& call, const Change& next, const Who& who);
  absl::StatusOr<Change> AtStage(const Change& change, int percent) const;
  static std::optional<CanaryView> CanaryOf(const Change& change);
  static void SetStage(const Config& before, int percent, RunningRevision& running);

  // pipeline_trial.cc
  bool SettleActive();
  bool LoadActive();
  bool TakeStep(const TrialDecision& decision);
  PlaneView ViewOf(PlaneSink* sink, const Change& change) const;
  TrialFacts FactsOf(const Change& change) const;
  bool StartTrial();
  bool AskPlanes();
  bool RecordConfirmed();
  void Return(std::string reason, const Who& who);
  void EndActive(Ending ending);
  bool RecordEnding();
  absl::Status Record(const Ending& ending);
  ApplyOutcome OutcomeOf(const Change& change) const;
  void ShowTrial();
  ApplyOutcome RollbackTrial(const RollbackCall& call, const Who& who);
  ApplyOutcome RollbackTo(const RollbackCall& call, const Who& who);
  std::optional<Refusal> CheckJudged(std::optional<int64_t> judged) const;
  Refusal NothingOnTrial() const;
  Refusal HeldBy(const Change& change) const;

  // pipeline_drain.cc
  ApplyOutcome ChangeDrains(absl::string_view verb, const DrainCall& call, const Who& who);
  bool KnowsDrains(const RunningRevision& running) const;
  void FollowDrains(const RunningRevision& running, const FlowsNow& flows);
  void ForgetDrains(const std::vector<DrainView>& views);

  // pipeline_planes.cc
  bool ReconcileAll();
  bool Reconcile(PlaneSink* sink);
  void ComeAfter(const std::shared_ptr<const ImageView>& image);
  bool EndStrayTrial(PlaneSink* sink, const PlaneState& state);
  bool IsUnknown(const PlaneState& state);
  void AdoptUnknown(const PlaneSink& sink, const PlaneState& state);
  bool PublishNothing(PlaneSink* sink, const PlaneState& state);
  absl::StatusOr<CompiledPtr> MakeNothing(const PlaneState& state);
  // Where not `must`, only if a tail ends.
  absl::Status Republish(absl::string_view why, const TailEvidence* evidence, bool must);
  bool Faulty(absl::string_view area, absl::string_view text);

  // pipeline_steady.cc
  void FollowConfigs(const Config* confirmed, const Config* trial);
  void FollowRunning();
  RunningPtr FindAgain(const RunningRevision& running, const PlaneState& state);
  bool AdoptTrial(const PlaneState& state);
  RunningPtr AsPlaneRuns(const RunningRevision& running, const PlaneState& state);
  bool KeepSteady();
  std::optional<FlowsNow> ReadEvidence(const ImageView& image);
  absl::Status Renew(const TailEvidence* evidence, bool must);
  bool ReleaseLeases(const RunningRevision& running, const TailEvidence& evidence);
  absl::Status RenewTrial(Change next, uint64_t back_ns);
  bool FindTrialAgain(Change found, const PlaneState& state);
  bool FindStageAgain(const PlaneState& state);
  absl::Status RenewReturned();
  void ShowFloors();
  absl::Duration UntilNextHealth() const;

  // pipeline_audit.cc
  using PlaneAnswers = std::map<PlaneSink*, absl::StatusOr<PlaneAudit>>;
  PlaneAnswers AskForAudits(absl::Duration timeout);
  AuditReport AuditLocked(const PlaneAnswers& answers);
  bool HasAlarm(absl::string_view rule) const;
  void Raise(const std::string& cause, ControlAlarm alarm);
  void Clear(const std::string& cause);
  void RaiseFindings(const AuditReport& report);

  Store* const store_;
  const std::vector<PlaneSink*> sinks_;
  const Options options_;
  const std::unique_ptr<PoolTables> planned_tables_;  // of the last plan; safe by itself

  std::mutex audit_mutex_;   // a plane looks at itself once at a time
  std::mutex change_mutex_;  // one change at a time; guards what follows
  Publisher publisher_;
  Standings standings_;  // safe by itself
  bool stale_ = false;   // the planes do not have it as it stands
  // Taken back before its deadline: the image that was on trial, and the generation that its way
  // back, made for the deadline, runs as. Null: none, or all is made anew since.
  struct {
    std::shared_ptr<const ImageView> image;
    uint64_t generation = 0;
  } returned_;
  bool knows_planes_ = false;  // this process has published, or found what runs
  absl::Time next_evidence_;
  LeaseTable leases_;
  std::optional<Change> active_;      // begun and not ended: on trial, or found at the start
  std::optional<Ending> unrecorded_;  // the store could not be written
  std::map<PlaneSink*, uint64_t> connections_;  // that were looked at
  std::string last_fault_;                      // of reconciling, so that it is logged once

  mutable std::mutex view_mutex_;  // guards what follows; taken after change_mutex_
  RunningPtr running_;
  std::map<std::pair<std::string, std::string>, DrainForecast> forecasts_;  // by pool and backend
  std::optional<TrialView> trial_view_;                                     // `left` is not kept
  uint64_t trial_deadline_ns_ = 0;
  std::optional<ApplyOutcome> last_end_;  // of the last trial that ended here
  absl::Time next_audit_;
  std::map<std::string, ControlAlarm> alarms_;
  std::map<std::pair<uint32_t, std::string>, absl::Time> refusals_logged_;  // by uid and verb
  std::condition_variable ended_;

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool changed_ = false;
  bool stopping_ = false;
  std::thread thread_;
  std::thread audit_thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_PIPELINE_H_
