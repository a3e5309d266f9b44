// What the loss of backends does to the others: N-1 and N-2 before it happens (F17).
//
// The slots of a dead backend go to the others in proportion to their weights (weighted
// rendezvous), so each survivor's share becomes weight / (sum - lost). What that means depends on
// what is known:
//   kCapacity: the pool's new flows a second are known and backends declare `capacity`: load is the
//              fraction of its capacity that the survivor is asked for (1.2: a fifth too much);
//   kShare:    otherwise: load is the survivor's share as a multiple of its share before the loss.
// Pure, any thread.
#ifndef CONTROL_PLAN_IF_LOST_H_
#define CONTROL_PLAN_IF_LOST_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace evenkeel {

enum class LoadBasis { kCapacity, kShare };

struct LossEffect {
  std::string lost;     // "web/web-1", or "web/web-1 + web/web-2" for the worst pair
  std::string backend;  // the survivor that is hit hardest, as "web/web-3"; empty: nobody is left
  double load = 0;      // of that one; 0 where nobody is left
  LoadBasis basis = LoadBasis::kShare;
};

// The loss of each backend that owns slots, in the order of the file, then the worst pair.
std::vector<LossEffect> IfLost(const Pool& pool, std::optional<double> new_flows_per_second);

// Of the worst `lost_count` backends to lose. Empty: the load of nobody is known (no rate, or no
// capacity declared), or nobody is left.
std::optional<double> WorstCapacityLoad(const Pool& pool,
                                        std::optional<double> new_flows_per_second,
                                        size_t lost_count);

// The same as a multiple of the survivors' shares before, whatever capacities are declared. Empty:
// nobody is left.
std::optional<double> WorstShareLoad(const Pool& pool, size_t lost_count);

// New flows a second of all services of `pool`; not set unless all of them are known.
std::optional<double> RateOf(const Config& config, const Pool& pool,
                             const std::map<std::string, double>& new_flows_by_service);

// Backends that own slots.
size_t ServingBackends(const Pool& pool);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_IF_LOST_H_
