#include <algorithm>
#include <cmath>
#include <map>

#include "control/plan/plan_parts.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

std::vector<HostShare> SharesOfHosts(const Pool& pool, const PoolTable& table) {
  std::map<std::string, double> shares;
  for (const Backend& backend : pool.backends) {
    if (!backend.host.empty()) shares[backend.host] += table.ShareOf(backend.address);
  }
  std::vector<HostShare> hosts;
  for (const auto& [host, share] : shares) hosts.push_back({host, share});
  return hosts;
}

// Against the pool of that name, and against those that its services used.
double LostNow(const PlanContext& context, const Pool& pool) {
  if (context.base == nullptr) return 0;
  const PoolWeights weights = HealthyWeights(pool);
  double worst = 0;
  const auto compare = [&](const Pool* before) {
    if (before != nullptr) worst = std::max(worst, WeightLost(HealthyWeights(*before), weights));
  };
  // Of a pool that no service used nobody lost anything.
  for (const Service& service : context.base->services) {
    if (service.pool != pool.name) continue;
    compare(context.base->FindPool(pool.name));
    break;
  }
  for (const Service& service : context.candidate.services) {
    if (service.pool != pool.name) continue;
    const Service* former = FormerOf(*context.base, context.candidate, service);
    if (former != nullptr && former->pool != pool.name) {
      compare(context.base->FindPool(former->pool));
    }
  }
  return worst;
}

}  // namespace

double TotalWeight(const PoolWeights& weights) {
  double total = 0;
  for (const auto& [address, weight] : weights) total += weight;
  return total;
}

PoolPlan MakePoolPlan(const PlanContext& context, const Pool& pool) {
  const Pool* before = context.base == nullptr ? nullptr : context.base->FindPool(pool.name);
  const PoolTable& table = *context.after.at(pool.name);
  const PoolWeights weights = HealthyWeights(pool);
  const double total = TotalWeight(weights);
  PoolPlan plan{.name = pool.name,
                .slots = pool.table.slots,
                .fill = pool.table.fill,
                .is_new = before == nullptr,
                .weight_after = static_cast<uint64_t>(total),
                .digest = table.digest,
                .hosts = SharesOfHosts(pool, table)};
  for (const Service& service : context.candidate.services) {
    if (service.pool == pool.name) plan.services.push_back(service.name);
  }
  for (const Backend& backend : pool.backends) {
    if (backend.drain) {
      plan.drained.push_back({backend.name, backend.drain->reason, backend.drain->until});
      continue;
    }
    const uint32_t slots = table.SlotsOf(backend.address);
    const double requested = backend.weight / total;
    plan.share_error = std::max(plan.share_error, std::abs(slots / (requested * table.slots) - 1));
    if (plan.lightest_slots == 0 || slots < plan.lightest_slots) plan.lightest_slots = slots;
  }
  plan.weight_lost_now = LostNow(context, pool);
  // What took nothing is not the last of the small steps, whatever the others took.
  if (plan.weight_lost_now > 0) {
    plan.weight_lost =
        std::max(plan.weight_lost_now, context.inputs.confirmed.WorstLoss(context.candidate, pool));
  }
  if (before == nullptr) return plan;
  const PoolTable& before_table = *context.before.at(pool.name);
  const PoolWeights before_weights = HealthyWeights(*before);
  const Movement movement = context.MovementOf(before_table, table);
  plan.moved = movement.moved;
  plan.unavoidable = movement.unavoidable;
  plan.weight_before = static_cast<uint64_t>(TotalWeight(before_weights));
  for (const Backend& backend : pool.backends) {
    const double share = before_table.ShareOf(backend.address);
    if (share > 0) {
      plan.share_jump = std::max(plan.share_jump, table.ShareOf(backend.address) / share);
    }
  }
  return plan;
}

}  // namespace evenkeel
