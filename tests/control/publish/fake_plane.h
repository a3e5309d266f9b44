// A plane without packets: the plane's own end of the channel (PlaneEndpoint) on a thread.
#ifndef TESTS_CONTROL_PUBLISH_FAKE_PLANE_H_
#define TESTS_CONTROL_PUBLISH_FAKE_PLANE_H_

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "dataplane/table/plane_endpoint.h"
#include "dataplane/table/sample_rings.h"

namespace evenkeel {

class FakePlane {
 public:
  // `state_dir`: of its last good image, `flow_dir`: of its flow tables; empty: none.
  explicit FakePlane(const std::string& socket, const std::string& state_dir = "",
                     const std::string& flow_dir = "") {
    PlaneEndpoint::Callbacks callbacks{
        .install =
            [this](std::shared_ptr<const ImageView> image) {
              while (hanging_ && !stopping_) {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
              }
              if (refusing_) return absl::InternalError("worker 1 does not answer");
              installed_ = image->generation();
              return absl::OkStatus();
            },
        .fill_stats = [](StatsSnapshot* stats) { stats->received = 42; },
        .log = [](absl::string_view, absl::string_view) {}};
    auto endpoint = PlaneEndpoint::Create({.socket_path = socket,
                                           .state_dir = state_dir,
                                           .worker_count = 2,
                                           .version = "test",
                                           .flow_dir = flow_dir,
                                           .samples_fd = samples_.fd()},
                                          std::move(callbacks));
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    if (!endpoint.ok()) return;
    endpoint_ = *std::move(endpoint);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakePlane() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  uint64_t installed() const { return installed_; }
  // While set, the manager thread hangs in the next swap.
  void Hang(bool hanging) { hanging_ = hanging; }
  void Refuse(bool refusing) { refusing_ = refusing; }
  // Of its two workers.
  SampleRing samples(uint32_t worker) const { return samples_.ring(worker); }

 private:
  void Run() {
    while (!stopping_) {
      pollfd wait{.fd = endpoint_->poll_fd(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 10) > 0) endpoint_->HandleReady();
    }
  }

  SampleMemory samples_ = *SampleMemory::Create(2);
  std::unique_ptr<PlaneEndpoint> endpoint_;
  std::atomic<uint64_t> installed_ = 0;
  std::atomic<bool> hanging_ = false;
  std::atomic<bool> refusing_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_PUBLISH_FAKE_PLANE_H_
