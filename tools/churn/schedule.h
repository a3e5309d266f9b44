// What happens to the pool and to the nodes, and when: drawn from the seed before the run.
#ifndef TOOLS_CHURN_SCHEDULE_H_
#define TOOLS_CHURN_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "tools/churn/options.h"

namespace evenkeel {

enum class ChurnKind {
  kAdd,     // a backend more; passes its first check at once
  kRemove,  // its server serves on
  kWeigh,   // another weight
  kDrain,   // no slots; later undrained
  kUndrain,
  kAlarm,  // its check fails, its server is well
  kAllClear,
  kDie,  // its server stops, with all its connections
  kRevive,
  kNodeFails,  // a balancer: its connections go to the others by ECMP
  kNodeReturns,
};

struct ChurnEvent {
  uint32_t second = 0;
  ChurnKind kind = ChurnKind::kAdd;
  uint16_t which = 0;  // backend or node
  uint32_t weight = 0;
};

// Backends that may ever be configured.
uint16_t BackendsOf(const ChurnOptions& options);
// By rising second. False alarms last 20 to 300 s.
std::vector<ChurnEvent> MakeSchedule(const ChurnOptions& options);

}  // namespace evenkeel

#endif  // TOOLS_CHURN_SCHEDULE_H_
