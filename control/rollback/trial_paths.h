// Which ways from this node to a service at a backend a trial has changed, and which ones it has
// left alone: those that a contrast can be made of.
//
// A way is a TCP service's VIP and port, through the tunnel, at one backend. It is changed when
// what runs for good does not serve that service there, or serves it otherwise (another VIP, port,
// tunnel or source). Each changed way has contrasts: up to two that were left alone, of the same
// service if there are any, else of the same pool, else any of the same address family.
//
//   for (const TrialPath& path : PathsOf(base, trial)) Ask(path.target);
//
// Pure.
#ifndef CONTROL_ROLLBACK_TRIAL_PATHS_H_
#define CONTROL_ROLLBACK_TRIAL_PATHS_H_

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/health/target.h"

namespace evenkeel {

struct TrialPath {
  std::string service;
  HealthTarget target;  // a TCP connection to the VIP, through the tunnel
  bool is_changed = false;
  std::vector<size_t> contrasts;  // of a changed one: their places in the list
};

// Changed ways first, no more than so many; then the contrasts that they name. Empty where nothing
// can be asked: services of every port, other tunnels than IPIP, UDP.
inline constexpr size_t kChangedPathsMax = 64;
std::vector<TrialPath> PathsOf(const Config& base, const Config& trial);

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_TRIAL_PATHS_H_
