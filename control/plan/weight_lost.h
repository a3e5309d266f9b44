// How much healthy weight a change takes from a pool: the measure of the blast radius.
//
// Healthy weight is lost by removal, drain, a lower weight or death alike, so all of them add up. A
// weight means something only beside the others of its pool, so a change of scale (all weights
// times ten, or all divided by ten) loses nothing:
//   - where every backend that stays got lighter, the one that kept most counts as unchanged;
//   - else a weight counts as it is written; and where most of the weight that stays got heavier,
//   those
//     that lagged behind lost what they would have gained (the weighted median counts as
//     unchanged), if that is more.
// Pure, any thread.
//
//   WeightLost(HealthyWeights(before), HealthyWeights(after))   // 0.33: one of three equal ones is
//   gone
#ifndef CONTROL_PLAN_WEIGHT_LOST_H_
#define CONTROL_PLAN_WEIGHT_LOST_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace evenkeel {

// Of the backends that are not drained; until health checks act, all of these count as healthy.
using PoolWeights = std::map<IpAddress, uint32_t>;

PoolWeights HealthyWeights(const Pool& pool);

// Fraction of `before`, 0..1; 0 where there was none.
double WeightLost(const PoolWeights& before, const PoolWeights& after);

// The same, less what joined: over several changes a fleet may be replaced host by host, so what
// counts is how much healthy weight there is, at the scale of WeightLost(). 0 where the two have no
// backend in common.
double NetWeightLost(const PoolWeights& before, const PoolWeights& after);

// What pools had in confirmed revisions of the last 24 hours, so that small steps add up. The
// caller adds those revisions, in any order; states that differ in nothing count once.
//
// A pool is known by its name and by the services that use it, these by name and by what they
// match: giving a pool or a service another name forgets nothing.
class WeightHistory {
 public:
  void Add(const Config& confirmed);

  // The largest net loss of `pool` (of `candidate`) against any of its recorded states.
  double WorstLoss(const Config& candidate, const Pool& pool) const;

 private:
  std::map<std::string, std::vector<PoolWeights>> states_;  // by what the pool is known by
};

}  // namespace evenkeel

#endif  // CONTROL_PLAN_WEIGHT_LOST_H_
