// Runs every scheme over the same connections, changes and failures, and counts what breaks.
//
// A connection breaks when one of its packets reaches another backend than its SYN did, while its
// server lives. Connections pause at random; a stated part of them once for longer than `idle`:
// those are counted apart, since no promise is made to them.
//
//   absl::StatusOr<ChurnReport> report = Simulate(options);
#ifndef TOOLS_CHURN_SIMULATION_H_
#define TOOLS_CHURN_SIMULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/churn/options.h"

namespace evenkeel {

struct SchemeResult {
  std::string name;
  uint64_t broken = 0;         // of the connections that spoke within `idle`
  uint64_t broken_silent = 0;  // of those that were silent for longer
  uint64_t entries_max = 0;    // tracked connections, all nodes together
};

struct ChurnReport {
  uint64_t connections = 0;
  uint64_t silent = 0;  // of them, those that paused for longer than `idle`
  uint64_t packets = 0;
  uint64_t lost = 0;  // with their servers, under Evenkeel: broken by nobody
  uint32_t publications = 0;
  uint64_t tail_slots_left = 0;  // in transition at the end
  std::vector<SchemeResult> schemes;
};

absl::StatusOr<ChurnReport> Simulate(const ChurnOptions& options);

}  // namespace evenkeel

#endif  // TOOLS_CHURN_SIMULATION_H_
