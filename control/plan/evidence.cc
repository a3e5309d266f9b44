#include "control/plan/evidence.h"

#include <algorithm>
#include <cmath>

namespace evenkeel {
namespace {

// Whether the trial has to look at this pool at all.
bool IsTouched(const Plan& plan, const PoolPlan& pool) {
  return std::any_of(plan.services.begin(), plan.services.end(), [&](const ServicePlan& service) {
    return service.pool == pool.name && (service.touched || service.is_new);
  });
}

}  // namespace

Evidence EvidenceNeeded(const Config& candidate, const Plan& plan, const PlanInputs& inputs) {
  Evidence needed;
  bool rates_known = true;
  double seconds = 0;
  for (const PoolPlan& pool : plan.pools) {
    if (pool.lightest_slots == 0 || !IsTouched(plan, pool)) continue;
    const double smallest = static_cast<double>(pool.lightest_slots) / pool.slots;
    const double flows = std::ceil(kSafetyFactor * kFlowsToTell / smallest);
    needed.flows = std::max(needed.flows, static_cast<uint64_t>(flows));
    const std::optional<double> rate =
        RateOf(candidate, *candidate.FindPool(pool.name), inputs.new_flows);
    rates_known = rates_known && rate && *rate > 0;
    if (rates_known) seconds = std::max({seconds, flows / *rate, kSecondsMin});
  }
  if (rates_known) needed.seconds = seconds;
  return needed;
}

}  // namespace evenkeel
