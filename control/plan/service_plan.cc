#include <algorithm>

#include "control/plan/plan_parts.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

BackendChange ChangeOf(const Backend* before, const Backend& after) {
  if (before == nullptr) return BackendChange::kAdded;
  if (after.drain) return before->drain ? BackendChange::kSame : BackendChange::kDrained;
  if (before->drain) return BackendChange::kRestored;
  return before->weight == after.weight ? BackendChange::kSame : BackendChange::kWeight;
}

std::vector<BackendPlan> MakeBackends(const Pool* before, const PoolTable* before_table,
                                      const Pool& after, const PoolTable& after_table) {
  absl::flat_hash_map<IpAddress, const Backend*> former;
  if (before != nullptr) {
    for (const Backend& backend : before->backends) former[backend.address] = &backend;
  }
  const double total = TotalWeight(HealthyWeights(after));
  std::vector<BackendPlan> plans;
  for (const Backend& backend : after.backends) {
    const auto found = former.find(backend.address);
    const Backend* was = found == former.end() ? nullptr : found->second;
    plans.push_back({.name = backend.name,
                     .address = backend.address,
                     .weight = backend.weight,
                     .change = ChangeOf(was, backend),
                     .requested = total == 0 ? 0 : backend.effective_weight() / total,
                     .before = was == nullptr ? 0 : before_table->ShareOf(backend.address),
                     .after = after_table.ShareOf(backend.address)});
    if (was != nullptr) former.erase(found);
  }
  if (before == nullptr) return plans;
  for (const Backend& backend : before->backends) {
    if (!former.contains(backend.address)) continue;
    plans.push_back({.name = backend.name,
                     .address = backend.address,
                     .change = BackendChange::kRemoved,
                     .before = before_table->ShareOf(backend.address)});
  }
  return plans;
}

// All but the sizes of packets, of which the guards speak by themselves.
bool LeadSameWay(Network before, const Network& after) {
  before.mtu = after.mtu;
  before.client_mtu = after.client_mtu;
  return before == after;
}

bool IsTouched(const PlanContext& context, const Service& before, const Service& after,
               const Movement& movement) {
  const Pool& old_pool = *context.base->FindPool(before.pool);
  const Pool& new_pool = *context.candidate.FindPool(after.pool);
  const bool emptied =
      context.before.at(old_pool.name)->empty() != context.after.at(new_pool.name)->empty();
  return Compare(before, after).any() || movement.moved > 0 || emptied ||
         old_pool.forward != new_pool.forward ||
         !LeadSameWay(context.base->network, context.candidate.network);
}

}  // namespace

ServicePlan MakeServicePlan(const PlanContext& context, const Service& service) {
  const Pool& pool = *context.candidate.FindPool(service.pool);
  const PoolTable& table = *context.after.at(pool.name);
  const Service* former =
      context.base == nullptr ? nullptr : FormerOf(*context.base, context.candidate, service);
  const Pool* before = former == nullptr ? nullptr : context.base->FindPool(former->pool);
  const PoolTable* before_table =
      before == nullptr ? nullptr : context.before.at(before->name).get();
  ServicePlan plan{.name = service.name,
                   .pool = pool.name,
                   .slots = table.slots,
                   .is_new = before == nullptr,
                   .backends = MakeBackends(before, before_table, pool, table)};
  if (before == nullptr) {
    plan.connections_at_risk = plan.connections_followed = 0;
    return plan;
  }
  const ServiceChange change = Compare(*former, service);
  const Movement movement = change.affinity ? CompareUnrelated(*before_table, table)
                                            : context.MovementOf(*before_table, table);
  plan.moved = movement.moved;
  plan.beyond_unavoidable = std::max(0.0, movement.moved - movement.unavoidable);
  plan.moved_without_growth = std::max(0.0, movement.moved - movement.forced);
  plan.touched = IsTouched(context, *former, service, movement);
  const double lost = change.loses_connections() ? 1 : movement.moved;
  plan.connections_at_risk = ConnectionsAtRisk(context, *former, lost);
  const bool is_structural =
      change.affinity || before->name != pool.name || before->table.slots != pool.table.slots;
  plan.connections_followed = ConnectionsAtRisk(context, *former, is_structural ? 1 : lost);
  return plan;
}

std::optional<double> ConnectionsAtRisk(const PlanContext& context, const Service& running,
                                        double fraction) {
  if (fraction == 0) return 0;
  const auto rate = context.inputs.new_flows.find(running.name);
  if (rate == context.inputs.new_flows.end()) return std::nullopt;
  return rate->second * absl::ToDoubleSeconds(context.base->FindPool(running.pool)->idle) *
         fraction;
}

}  // namespace evenkeel
