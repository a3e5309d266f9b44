#include "control/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "control/plan/evidence.h"
#include "control/plan/facts.h"
#include "control/plan/guards.h"
#include "control/plan/overrides.h"
#include "control/plan/plan_parts.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

// A service of which another takes packets over changes too, though nothing of its own does.
void TouchThoseWhoGive(const PlanContext& context, Plan& plan) {
  for (const Takeover& takeover : FindTakeovers(*context.base, context.candidate)) {
    const Service* giver = FindService(*context.base, takeover.giver);
    const Service* later = LaterOf(*context.base, context.candidate, *giver);
    if (later == nullptr) continue;
    for (ServicePlan& service : plan.services) {
      if (service.name == later->name) service.touched = true;
    }
  }
}

void AddServices(const PlanContext& context, Plan& plan) {
  double at_risk = 0;
  double followed = 0;
  const auto add = [&](std::optional<double> connections) {
    at_risk += connections.value_or(0);
    if (!connections) plan.connections_known = false;
  };
  for (const Service& service : context.candidate.services) {
    plan.services.push_back(MakeServicePlan(context, service));
    add(plan.services.back().connections_at_risk);
    followed += plan.services.back().connections_followed.value_or(0);
  }
  if (context.base != nullptr) TouchThoseWhoGive(context, plan);
  for (const ServicePlan& service : plan.services) plan.services_touched += service.touched;
  if (context.base != nullptr) {
    for (const Service& service : context.base->services) {
      if (LaterOf(*context.base, context.candidate, service) != nullptr) continue;
      plan.services_removed.push_back(service.name);
      plan.services_touched += 1;
      add(ConnectionsAtRisk(context, service, 1));
    }
  }
  plan.connections_at_risk = static_cast<uint64_t>(std::ceil(at_risk));
  plan.flows_followed = 2 * static_cast<uint64_t>(std::ceil(followed));
}

// What validation warned of and a guard refuses is said once.
void DropRepeated(const std::vector<Finding>& guards, std::vector<Finding>& validation) {
  std::erase_if(validation, [&](const Finding& said) {
    return said.severity == Severity::kWarning &&
           std::any_of(guards.begin(), guards.end(), [&](const Finding& guard) {
             return guard.severity == Severity::kError && guard.rule == said.rule &&
                    guard.path == said.path;
           });
  });
}

void Judge(const PlanContext& context, Plan& plan) {
  plan.findings = context.inputs.validation;
  std::vector<Finding> guards = Guard(context.base, context.candidate, plan, context.inputs);
  ApplyOverrides(context.candidate, context.inputs.allow, context.inputs.now, guards,
                 plan.findings);
  DropRepeated(guards, plan.findings);
  plan.findings.insert(plan.findings.end(), guards.begin(), guards.end());
  SortByPlace(plan.findings);
  plan.verdict = HasErrors(plan.findings) ? Verdict::kRefuse : Verdict::kAllow;
}

// Of contents, not of times and rates: the same change gives the same digest until its base moves.
Digest DigestOf(const PlanContext& context) {
  std::string text = "evenkeel plan 1\n";
  absl::StrAppend(&text, "base ",
                  context.base == nullptr ? "none" : HexDigest(ContentDigest(*context.base)), "\n",
                  "candidate ", HexDigest(ContentDigest(context.candidate)), "\n");
  std::map<std::string, std::string> tables;
  for (const auto& [pool, table] : context.after) tables[pool] = HexDigest(table->digest);
  for (const auto& [pool, digest] : tables) absl::StrAppend(&text, pool, " ", digest, "\n");
  return Sha256(text);
}

absl::Status BuildInto(const Config& config, PoolTables::Use& tables,
                       absl::flat_hash_map<std::string, PoolTablePtr>& into) {
  for (const Pool& pool : config.pools) {
    absl::StatusOr<PoolTablePtr> table = tables.Get(pool);
    if (!table.ok()) return table.status();
    into[pool.name] = *std::move(table);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PlanContext::BuildTables() {
  PoolTables of_this_plan;
  PoolTables::Use tables = (inputs.tables != nullptr ? *inputs.tables : of_this_plan).Begin();
  if (base != nullptr) {
    if (absl::Status status = BuildInto(*base, tables, before); !status.ok()) return status;
  }
  return BuildInto(candidate, tables, after);
}

Movement PlanContext::MovementOf(const PoolTable& from, const PoolTable& to) const {
  const auto [found, is_new] = movements_.try_emplace({&from, &to});
  if (is_new) found->second = Compare(from, to);
  return found->second;
}

absl::string_view Name(Verdict verdict) { return verdict == Verdict::kAllow ? "allow" : "refuse"; }

absl::string_view Name(BackendChange change) {
  switch (change) {
    case BackendChange::kSame:
      return "same";
    case BackendChange::kWeight:
      return "weight";
    case BackendChange::kAdded:
      return "added";
    case BackendChange::kRemoved:
      return "removed";
    case BackendChange::kDrained:
      return "drained";
    case BackendChange::kRestored:
      return "restored";
  }
  return "";
}

double Plan::weight_lost() const {
  double worst = 0;
  for (const PoolPlan& pool : pools) worst = std::max(worst, pool.weight_lost);
  return worst;
}

absl::StatusOr<Plan> MakePlan(const Config* base, const Config& candidate,
                              const PlanInputs& inputs) {
  PlanContext context(base, candidate, inputs);
  if (absl::Status status = context.BuildTables(); !status.ok()) return status;
  Plan plan;
  plan.has_base = base != nullptr;
  plan.base_revision = inputs.base_revision;
  plan.digest = DigestOf(context);
  for (const Pool& pool : candidate.pools) {
    plan.pools.push_back(MakePoolPlan(context, pool));
    const std::optional<double> rate = RateOf(candidate, pool, inputs.new_flows);
    for (LossEffect& effect : IfLost(pool, rate)) plan.if_lost.push_back(std::move(effect));
  }
  AddServices(context, plan);
  plan.evidence = EvidenceNeeded(candidate, plan, inputs);
  Judge(context, plan);
  return plan;
}

}  // namespace evenkeel
