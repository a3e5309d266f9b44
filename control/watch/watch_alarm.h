// What the watch has noticed: a plain value, the same for status, metrics, the page and the log.
#ifndef CONTROL_WATCH_WATCH_ALARM_H_
#define CONTROL_WATCH_WATCH_ALARM_H_

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace evenkeel {

enum class WatchKind {
  kDistribution,  // new flows are not shared out as the table says
  kFollowUp,      // new flows are followed by nothing: the backend does not answer
  kWorkers,       // the NIC's queues get unlike shares
  kSlots,         // new flows do not hash evenly
};

struct WatchAlarm {
  WatchKind kind = WatchKind::kDistribution;
  std::string rule;  // the fault that it most likely is: "F15"
  std::optional<std::string> service;
  std::optional<std::string> backend;  // "POOL/BACKEND"
  absl::Time since;                    // when it began; the same while it is held
  double strength = 0;                 // of the threshold
  std::string message;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_WATCH_ALARM_H_
