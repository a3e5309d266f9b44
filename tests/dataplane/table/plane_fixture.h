// A plane without packets: an endpoint on a thread of its own, as the manager thread runs it.
#ifndef TESTS_DATAPLANE_TABLE_PLANE_FIXTURE_H_
#define TESTS_DATAPLANE_TABLE_PLANE_FIXTURE_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/table/plane_endpoint.h"
#include "tests/dataplane/table/test_directory.h"

namespace evenkeel {

class TestPlane {
 public:
  // `in_use`: what the audit looks at; null: the accepted image.
  explicit TestPlane(
      const TestDirectory& dir, std::string state_dir = "",
      std::function<std::shared_ptr<const ImageView>(std::vector<uint64_t>*)> in_use = nullptr)
      : stop_(eventfd(0, EFD_CLOEXEC)) {
    PlaneEndpoint::Options options;
    options.socket_path = dir / "plane.sock";
    options.state_dir = std::move(state_dir);
    options.worker_count = 2;
    options.version = "test";
    PlaneEndpoint::Callbacks callbacks;
    callbacks.install = [this](std::shared_ptr<const ImageView> image) {
      const std::lock_guard lock(mutex_);
      installed_ = std::move(image);
      return absl::OkStatus();
    };
    callbacks.fill_stats = [this](StatsSnapshot* stats) {
      if (on_stats_) on_stats_();
      const std::lock_guard lock(mutex_);
      stats->received = 12345;
      stats->flows.resize(flow_count_, FlowCount{1, 2, 3, 4, 5});
    };
    callbacks.in_use = std::move(in_use);
    callbacks.log = [this](absl::string_view, absl::string_view text) {
      const std::lock_guard lock(mutex_);
      log_.emplace_back(text);
    };
    absl::StatusOr<std::unique_ptr<PlaneEndpoint>> endpoint =
        PlaneEndpoint::Create(std::move(options), std::move(callbacks));
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    endpoint_ = *std::move(endpoint);
    thread_ = std::thread([this] { Run(); });
  }
  ~TestPlane() {
    const uint64_t one = 1;
    EXPECT_EQ(write(stop_.get(), &one, sizeof(one)), 8);
    thread_.join();
  }

  // Between two events: the plane's thread then holds no allocator's lock, which would never be
  // given back in the child.
  pid_t Fork() {
    const std::lock_guard handling(handling_);
    return fork();
  }

  uint64_t generation() {
    const std::lock_guard lock(mutex_);
    return installed_ == nullptr ? 0 : installed_->generation();
  }
  std::shared_ptr<const ImageView> installed() {
    const std::lock_guard lock(mutex_);
    return installed_;
  }
  void set_flow_count(size_t count) {
    const std::lock_guard lock(mutex_);
    flow_count_ = count;
  }
  // Runs on the plane's thread while it answers a request for statistics; set before the first.
  void OnStats(std::function<void()> on_stats) { on_stats_ = std::move(on_stats); }
  bool Logged(const std::string& part) {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : log_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  void Run() {
    for (;;) {
      pollfd fds[] = {{endpoint_->poll_fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents != 0) return;
      const std::lock_guard handling(handling_);
      endpoint_->HandleReady();
    }
  }

  UniqueFd stop_;
  std::mutex handling_;
  std::mutex mutex_;
  std::shared_ptr<const ImageView> installed_;
  std::vector<std::string> log_;
  size_t flow_count_ = 1;
  std::function<void()> on_stats_;
  std::unique_ptr<PlaneEndpoint> endpoint_;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_TABLE_PLANE_FIXTURE_H_
