// A plane's side of the channel, whole: server, store, statistics and last good image put together.
// The manager thread calls HandleReady() whenever poll_fd() is readable; everything else arrives by
// callback on that thread.
//
//   PlaneEndpoint::Options options{.socket_path = ..., .state_dir = ..., .worker_count = 2};
//   auto endpoint = PlaneEndpoint::Create(options, callbacks);   // also restores the last good
//   image while (!stopping) { poll({(*endpoint)->poll_fd(), ...}); (*endpoint)->HandleReady(); }
//
// A trial's deadline is a timer of CLOCK_BOOTTIME among what poll_fd() waits for: the plane goes
// back by itself, whatever control does and wherever the wall clock is set to. During a trial the
// last good image on disk is the way back, afterwards what runs.
#ifndef DATAPLANE_TABLE_PLANE_ENDPOINT_H_
#define DATAPLANE_TABLE_PLANE_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/table/channel.h"
#include "dataplane/table/channel_server.h"
#include "dataplane/table/image_audit.h"
#include "dataplane/table/last_good.h"
#include "dataplane/table/plane_store.h"
#include "dataplane/table/stats.h"

namespace evenkeel {

class PlaneEndpoint {
 public:
  struct Options {
    std::string socket_path;
    std::string state_dir;  // of the last good image; made with mode 0700; empty: keep none
    PlaneKind kind = PlaneKind::kDpdk;
    uint32_t worker_count = 0;
    std::string version;
    std::string flow_dir;  // told to control, which reads the tables there; empty: there are none
    int samples_fd = -1;   // SampleMemory of all workers, which outlives it; -1: nothing is sampled
  };
  struct Callbacks {
    std::function<absl::Status(std::shared_ptr<const ImageView>)> install;
    std::function<void(StatsSnapshot*)>
        fill_stats;  // all but generation, revision, digest and uptime
    // The image that workers use, and each worker's generation. Null: the accepted one, and none.
    std::function<std::shared_ptr<const ImageView>(std::vector<uint64_t>* workers)> in_use;
    // "info" or "warning" or "error", and a sentence without newline.
    std::function<void(absl::string_view level, absl::string_view text)> log;
  };

  // Listens and restores the last good image (installing it) before any control has connected. A
  // damaged last good image is logged, not an error.
  static absl::StatusOr<std::unique_ptr<PlaneEndpoint>> Create(Options options,
                                                               Callbacks callbacks);
  ~PlaneEndpoint();  // waits until the accepted image is on disk

  int poll_fd() const { return server_->poll_fd(); }
  // Does what has come up; bounded work, never waits for the peer.
  void HandleReady();

  const PlaneStore& store() const { return store_; }
  bool control_connected() const { return server_->connected(); }

 private:
  PlaneEndpoint(Options options, Callbacks callbacks, std::unique_ptr<ChannelServer> server);

  void RestoreLastGood();
  void Greet();
  void SendTables(const std::shared_ptr<const ImageView>& image);
  void Handle(Message message);
  void TakeTables(Message message);
  void TakeMailbox(Message message);
  void TakePublish(const PublishMessage& publish);
  void TakeStage(const StageMessage& stage);
  void TakeTrial(const TrialMessage& trial);
  void TakeDecision(const DecideMessage& decision);
  void ExpireTrial();
  void FollowTrial();
  void TellTrial(uint32_t request);
  void AnswerPublication(uint32_t request, uint64_t generation, const absl::Status& status);
  absl::Status KeepWayBack(const std::shared_ptr<const ImageView>& image);
  void KeepAccepted();
  void KeepConfirmed();
  void BeginAudit(const AuditMessage& request);
  void AnswerAudit(const ImageFacts& facts);
  void AnswerStats(const StatsMessage& request);
  void AnswerSamples(const SamplesMessage& request);
  absl::Status MakeStatsRegion(size_t size);
  void Nack(uint32_t request, uint64_t generation, const absl::Status& why);
  void Log(absl::string_view level, absl::string_view text) const;

  Options options_;
  Callbacks callbacks_;
  std::unique_ptr<ChannelServer> server_;
  PlaneStore store_;
  std::unique_ptr<LastGoodWriter> last_good_;
  UniqueFd deadline_;  // timerfd
  ImageAuditor auditor_;
  std::optional<uint32_t> audit_request_;  // to be answered; none: its control has gone
  std::shared_ptr<UniqueFd> stats_fd_;
  MappedRegion stats_;
  absl::Status transfer_fault_;  // the first table or mailbox since PUBLISH that was refused
  uint64_t start_ns_;            // CLOCK_BOOTTIME
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_PLANE_ENDPOINT_H_
