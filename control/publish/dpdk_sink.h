// The DPDK plane behind publish/sink.h: control's end of the channel with a thread that keeps it
// connected.
//
//   DpdkSink sink("/run/evenkeel/dataplane.sock");
//   sink.Start([&] { pipeline.PlaneChanged(); });
#ifndef CONTROL_PUBLISH_DPDK_SINK_H_
#define CONTROL_PUBLISH_DPDK_SINK_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/publish/sink.h"
#include "dataplane/table/channel_client.h"
#include "dataplane/table/region.h"
#include "dataplane/table/sample_rings.h"

namespace evenkeel {

class DpdkSink : public PlaneSink {
 public:
  explicit DpdkSink(std::string socket_path);
  ~DpdkSink() override { Stop(); }

  absl::string_view kind() const override { return "dpdk"; }
  void Start(std::function<void()> changed) override;
  void Stop() override;
  absl::Status Publish(const PublicationPtr& publication, absl::Duration timeout) override;
  absl::Status PublishTrial(const TrialPublication& trial, absl::Duration timeout) override;
  absl::Status ConfirmTrial(uint64_t id, absl::Duration timeout) override;
  absl::Status ReturnFromTrial(uint64_t id, absl::Duration timeout) override;
  absl::StatusOr<PlaneAudit> Audit(absl::Duration timeout) override;
  PlaneState State() const override;
  absl::Status ReadFlows(const ShowFlows& show) override;
  absl::StatusOr<SampleBatch> TakeSamples(uint32_t every) override;
  absl::StatusOr<StatsSnapshot> Stats(absl::Duration timeout) override;

 private:
  void Run();
  bool TryConnect();
  // Until the timeout, a Wake() or something to read on `connection` (-1: none).
  void Wait(absl::Duration timeout, int connection);
  void Wake();
  // Takes what the plane has said by itself while no call was under way, its end included.
  void CheckConnection();
  absl::Status Decide(uint64_t id, TrialState wanted, absl::Duration timeout);
  void SetRunning(uint64_t generation, int64_t revision);
  absl::Status EndCall(absl::Status status);
  bool TakeTrial();
  void Lose(const absl::Status& why);

  const std::string socket_path_;
  std::function<void()> changed_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> has_news_ = false;  // State() has changed by itself during a call
  // An eventfd that interrupts Wait(): at the end, and when a call closed the connection, since a
  // descriptor that is being polled would otherwise keep the closed socket open.
  UniqueFd wake_;

  std::mutex call_mutex_;  // one call on the channel at a time; taken before state_mutex_
  std::condition_variable call_ended_;     // or the connection has been read from; with call_mutex_
  std::unique_ptr<ChannelClient> client_;  // null: not connected
  std::optional<SampleMemory> samples_;    // of this connection's plane, once asked for

  mutable std::mutex state_mutex_;
  PlaneState state_;
};

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_DPDK_SINK_H_
