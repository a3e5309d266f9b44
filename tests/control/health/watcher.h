// A prober with what it has told, for tests.
#ifndef TESTS_CONTROL_HEALTH_WATCHER_H_
#define TESTS_CONTROL_HEALTH_WATCHER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "control/health/prober.h"

namespace evenkeel {

class Watcher {
 public:
  explicit Watcher(const Prober::Options& options = {}) {
    prober_ = *Prober::Start(options, [this](const HealthVerdict& verdict) {
      {
        const std::lock_guard lock(mutex_);
        verdicts_.push_back(verdict);
      }
      changed_.notify_all();
    });
  }

  void Watch(const std::vector<HealthTarget>& targets, const Network& network = {}) {
    prober_->SetTargets(targets, network);
  }

  // The first verdict on `backend`, from now or before, that is as wanted; nothing after a while.
  std::optional<HealthVerdict> Await(const std::string& backend,
                                     const std::function<bool(const HealthVerdict&)>& wanted,
                                     absl::Duration bound = absl::Seconds(30)) {
    std::unique_lock lock(mutex_);
    size_t seen = 0;
    std::optional<HealthVerdict> found;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(bound), [&] {
      for (; seen < verdicts_.size() && !found; ++seen) {
        const HealthVerdict& verdict = verdicts_[seen];
        if (verdict.target->backend == backend && wanted(verdict)) found = verdict;
      }
      return found.has_value();
    });
    return found;
  }
  std::optional<HealthVerdict> AwaitPassing(const std::string& backend) {
    return Await(backend, [](const HealthVerdict& verdict) { return verdict.passing; });
  }
  std::optional<HealthVerdict> AwaitFailing(const std::string& backend) {
    return Await(backend, [](const HealthVerdict& verdict) { return !verdict.passing; });
  }

  std::vector<HealthVerdict> verdicts() const {
    const std::lock_guard lock(mutex_);
    return verdicts_;
  }
  Prober& prober() { return *prober_; }
  // Of the target that was given in this place.
  HealthStatus status(size_t index) const { return prober_->Status()[index]; }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HealthVerdict> verdicts_;
  std::unique_ptr<Prober> prober_;  // ends first
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_HEALTH_WATCHER_H_
