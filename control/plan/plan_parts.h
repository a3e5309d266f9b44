// The parts of MakePlan(), one file each. Internal to control/plan.
#ifndef CONTROL_PLAN_PLAN_PARTS_H_
#define CONTROL_PLAN_PLAN_PARTS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "control/plan/plan.h"
#include "control/plan/pool_table.h"

namespace evenkeel {

// Both configurations with the tables of their pools.
struct PlanContext {
  PlanContext(const Config* base, const Config& candidate, const PlanInputs& inputs)
      : base(base), candidate(candidate), inputs(inputs) {}

  const Config* base;  // null: first revision
  const Config& candidate;
  const PlanInputs& inputs;
  absl::flat_hash_map<std::string, PoolTablePtr> before;  // by the pool's name
  absl::flat_hash_map<std::string, PoolTablePtr> after;

  absl::Status BuildTables();

  // Compare() of two of them, of each pair once: many services may share a pool.
  Movement MovementOf(const PoolTable& from, const PoolTable& to) const;

 private:
  mutable absl::flat_hash_map<std::pair<const PoolTable*, const PoolTable*>, Movement> movements_;
};

PoolPlan MakePoolPlan(const PlanContext& context, const Pool& pool);

ServicePlan MakeServicePlan(const PlanContext& context, const Service& service);

// Of a service that runs, when the flows in `fraction` of its slots lose their backend: Little's
// law with the longest life that counts, since who speaks once in `idle` may not break. Not set
// without a rate.
std::optional<double> ConnectionsAtRisk(const PlanContext& context, const Service& running,
                                        double fraction);

double TotalWeight(const PoolWeights& weights);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_PLAN_PARTS_H_
