// Checks backends and tells what it finds; decides nothing about their slots.
//
// One thread does all checks, by epoll: none waits for another, whatever its target does. Checks
// are spread over their interval, each begins up to a tenth of it early or late, and all
// descriptors together are bounded. What this node cannot do (no descriptor, no free port, no
// tunnel device) counts as neither a pass nor a failure, and is said in Problems().
//
//   auto prober = Prober::Start({}, [&](const HealthVerdict& v) { queue.Push(v); });
//   (*prober)->SetTargets(HealthTargetsOf(config), config.network);
//
// HTTPS checks do not verify the server's certificate: they ask whether it serves, and most
// backends have a certificate for a name that their address is not.
#ifndef CONTROL_HEALTH_PROBER_H_
#define CONTROL_HEALTH_PROBER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/health/engine.h"
#include "control/health/target.h"

namespace evenkeel {

class Prober {
 public:
  using Options = HealthEngine::Options;
  // Called from the prober's thread, never under a lock of its own; must not block for long.
  using OnVerdict = std::function<void(const HealthVerdict&)>;

  static absl::StatusOr<std::unique_ptr<Prober>> Start(const Options& options,
                                                       OnVerdict on_verdict);
  // Ends the thread; `on_verdict` is not called again.
  ~Prober();

  // What is checked from now on. Targets that are there already keep their history and their pace;
  // the rest of the old ones are forgotten, their checks in flight without a result. `network` says
  // how packets through the tunnel look. During a trial: the targets of both revisions.
  void SetTargets(const std::vector<HealthTarget>& targets, const Network& network);

  // In the order of SetTargets().
  std::vector<HealthStatus> Status() const;
  HealthStats Stats() const;
  // Why some checks cannot be made, a sentence each; empty when all can. Each is also logged, when
  // it begins.
  std::vector<std::string> Problems() const;

 private:
  Prober(std::unique_ptr<HealthEngine> engine, OnVerdict on_verdict);
  void Run();
  void LogProblems(std::vector<std::string> problems);

  mutable std::mutex mutex_;  // guards the engine, except its Wait() and Wake()
  const std::unique_ptr<HealthEngine> engine_;
  const OnVerdict on_verdict_;
  std::vector<std::string> logged_;  // of the prober's thread
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_PROBER_H_
