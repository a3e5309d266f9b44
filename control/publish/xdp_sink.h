// The XDP twin behind publish/sink.h: there is no other process, so publishing is writing maps, and
// "connected" means that the program is attached to the interface.
//
//   absl::StatusOr<std::unique_ptr<PlaneSink>> sink = XdpSink::Create({.interface = "eth0"});
//
// A thread of its own follows the next hops and looks whether the program is still attached; when
// the interface was taken away and has come back, it attaches anew.
#ifndef CONTROL_PUBLISH_XDP_SINK_H_
#define CONTROL_PUBLISH_XDP_SINK_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/container/flat_hash_set.h"
#include "bpf/xdp_plane.h"
#include "control/publish/next_hops.h"
#include "control/publish/sink.h"
#include "dataplane/table/image_audit.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

class XdpSink : public PlaneSink {
 public:
  // Takes over what a former evenkeeld left on the interface, or attaches. Errors say what to do.
  static absl::StatusOr<std::unique_ptr<PlaneSink>> Create(const XdpPlane::Options& options);
  ~XdpSink() override;

  absl::string_view kind() const override { return "xdp"; }
  void Start(std::function<void()> changed) override;
  void Stop() override;
  absl::Status Publish(const PublicationPtr& publication, absl::Duration timeout) override;
  absl::Status PublishTrial(const TrialPublication& trial, absl::Duration timeout) override;
  absl::Status ConfirmTrial(uint64_t id, absl::Duration timeout) override;
  absl::Status ReturnFromTrial(uint64_t id, absl::Duration timeout) override;
  // Copies a table at a time, so that publications do not wait for it. Aborted: there was no end of
  // publications meanwhile.
  absl::StatusOr<PlaneAudit> Audit(absl::Duration timeout) override;
  PlaneState State() const override;
  absl::Status ReadFlows(const ShowFlows& show) override;
  absl::StatusOr<SampleBatch> TakeSamples(uint32_t every) override;
  absl::StatusOr<StatsSnapshot> Stats(absl::Duration timeout) override;
  absl::Status Detach(std::vector<std::string>* removed) override;

 private:
  explicit XdpSink(const XdpPlane::Options& options);
  absl::Status Connect();  // under plane_mutex_, but for Create()
  void Run();
  void EverySecond();
  void FollowTrial();
  absl::StatusOr<std::shared_ptr<const ImageView>> Verify(const Publication& publication,
                                                          VerifyCache* cache);
  absl::Status Put(const PublicationPtr& publication, const TrialPublication* trial);
  absl::Status Decide(uint64_t id, TrialState wanted);
  // What the plane runs and its trial, into State().
  void Show();
  std::optional<ImageFacts> TryAudit(absl::Time deadline, absl::Status* status);
  void ReportUnresolved();
  void Wake();
  bool Lose(const absl::Status& why);

  const XdpPlane::Options options_;
  std::function<void()> changed_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> has_news_ = false;  // State() has changed by itself, which `changed_` is told
  UniqueFd wake_;

  mutable std::mutex plane_mutex_;   // taken before state_mutex_
  std::unique_ptr<XdpPlane> plane_;  // null: not attached
  std::unique_ptr<NextHops> next_hops_;
  VerifyCache verified_;
  VerifyCache way_back_verified_;
  absl::flat_hash_set<Address> reported_;  // next hops that were logged as unresolved
  absl::Time unresolved_since_ = absl::InfiniteFuture();
  bool detached_ = false;  // by the operator: stays so

  mutable std::mutex state_mutex_;
  PlaneState state_;
};

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_XDP_SINK_H_
