#include "control/rollback/auto_confirm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/plan/evidence.h"
#include "dataplane/table/digest.h"

namespace evenkeel {
namespace {

constexpr double kShareJumpMax = 2;
constexpr double kLoadMax = 0.8;
// Less follow-up than so much of the others' is worse than theirs.
constexpr double kFollowUpMin = 0.5;

constexpr absl::Duration kStageMin = absl::Seconds(10);
// Fewer flows of one service tell nothing of how they are followed up.
constexpr uint64_t kFollowedMin = 30;

AutoVerdict Wait(std::string why) { return {.confirms = false, .why = std::move(why)}; }

// What holds up everything; not set: nothing does.
std::optional<AutoVerdict> WaitForAll(const AutoEvidence& evidence) {
  if (!evidence.alarm.empty()) return Wait(absl::StrCat("an alarm is held: ", evidence.alarm));
  if (!evidence.paths_answer) return Wait("a way that it changes has not answered");
  return std::nullopt;
}

// What holds up because of one that gains.
std::optional<AutoVerdict> WaitFor(const GainEvidence& gain) {
  if (gain.per_flow && *gain.per_flow < kFollowUpMin * gain.others.value_or(1)) {
    return Wait(absl::StrFormat("%.2f packets follow a new flow of %s, %.2f elsewhere",
                                *gain.per_flow, gain.name, gain.others.value_or(1)));
  }
  if (gain.load && *gain.load > kLoadMax) {
    return Wait(absl::StrFormat("%s has %.0f %% of its capacity", gain.name, 100 * *gain.load));
  }
  return std::nullopt;
}

Refusal Refuse(std::string why) {
  return {"refused", absl::StrCat("a trial of this cannot confirm itself: ", why),
          "leave --confirm out, look at evenkeel watch, then evenkeel confirm"};
}

// Of one service: what each address gets of it, of 1.
std::map<Address, double> SharesOf(const Config& config, const Service& service) {
  std::map<Address, double> shares;
  const Pool* pool = config.FindPool(service.pool);
  if (pool == nullptr) return shares;
  double sum = 0;
  for (const Backend& backend : pool->backends) sum += backend.effective_weight();
  if (sum == 0) return shares;
  for (const Backend& backend : pool->backends) {
    shares[backend.address.bytes()] = backend.effective_weight() / sum;
  }
  return shares;
}

const Service* FindService(const Config& config, const std::string& name) {
  for (const Service& service : config.services) {
    if (service.name == name) return &service;
  }
  return nullptr;
}

}  // namespace

std::optional<Refusal> WhyNotAutoConfirm(const Plan& plan, bool has_overrides,
                                         absl::Duration confirm_within) {
  if (has_overrides) return Refuse("it overrides a rule, and a person answers for that");
  if (!plan.has_base) return Refuse("nothing runs that it could be compared with");
  for (const PoolPlan& pool : plan.pools) {
    if (pool.share_jump <= kShareJumpMax) continue;
    return Refuse(absl::StrFormat("a backend of pool %s gets %.1f times its share", pool.name,
                                  pool.share_jump));
  }
  if (plan.evidence.flows == 0) {
    return Refuse("it changes nothing that traffic could show to be right or wrong");
  }
  if (!plan.evidence.seconds) {
    return Refuse(absl::StrCat("it needs ", plan.evidence.flows,
                               " new flows, and a service that it touches has none now"));
  }
  const double needed = std::max(kSecondsMin, *plan.evidence.seconds);
  if (needed > absl::ToDoubleSeconds(confirm_within)) {
    return Refuse(absl::StrFormat(
        "at the last hour's lowest rate it takes %.0f s to see the %d new flows that are needed, "
        "and the trial lasts %.0f s",
        needed, plan.evidence.flows, absl::ToDoubleSeconds(confirm_within)));
  }
  return std::nullopt;
}

std::vector<GainingBackend> GainingBackends(const Config& base, const Config& trial) {
  std::vector<GainingBackend> gaining;
  for (const Service& service : trial.services) {
    const Pool* pool = trial.FindPool(service.pool);
    if (pool == nullptr) continue;
    const std::map<Address, double> now = SharesOf(trial, service);
    const Service* before = FindService(base, service.name);
    const std::map<Address, double> then =
        before == nullptr ? std::map<Address, double>() : SharesOf(base, *before);
    for (const Backend& backend : pool->backends) {
      const Address& address = backend.address.bytes();
      const auto share_now = now.find(address), share_then = then.find(address);
      const double gains = (share_now == now.end() ? 0 : share_now->second) -
                           (share_then == then.end() ? 0 : share_then->second);
      if (gains < 1e-6) continue;
      gaining.push_back({.service = service.name,
                         .backend = absl::StrCat(pool->name, "/", backend.name),
                         .service_id = NameId(service.name),
                         .backend_id = BackendId(address),
                         .is_udp = service.protocol == Protocol::kUdp,
                         .capacity = backend.capacity});
    }
  }
  return gaining;
}

AutoVerdict JudgeAutoConfirm(const AutoEvidence& evidence) {
  if (evidence.since < absl::Seconds(kSecondsMin)) return Wait("less than a minute has passed");
  if (const auto wait = WaitForAll(evidence)) return *wait;
  const uint64_t flows_needed = static_cast<uint64_t>(std::ceil(kSafetyFactor * kFlowsToTell));
  uint64_t fewest = UINT64_MAX;
  for (const GainEvidence& gain : evidence.gains) {
    if (gain.new_flows < flows_needed) {
      return Wait(
          absl::StrCat(gain.name, " has had ", gain.new_flows, " of ", flows_needed, " new flows"));
    }
    if (const auto wait = WaitFor(gain)) return *wait;
    fewest = std::min(fewest, gain.new_flows);
  }
  return {
      .confirms = true,
      .why = absl::StrFormat(
          "%.0f s on trial, at least %d new flows at each of the %d backends that gain, followed "
          "up as elsewhere, every changed way answers, no alarm",
          absl::ToDoubleSeconds(evidence.since), evidence.gains.empty() ? 0 : fewest,
          evidence.gains.size())};
}

AutoVerdict JudgeStage(const AutoEvidence& evidence) {
  if (evidence.since < kStageMin) return Wait("less than ten seconds have passed");
  if (const auto wait = WaitForAll(evidence)) return *wait;
  const uint64_t flows_needed = static_cast<uint64_t>(kFlowsToTell);
  std::map<uint64_t, uint64_t> flows;  // by backend
  for (const GainEvidence& gain : evidence.gains) flows[gain.backend_id] += gain.new_flows;
  uint64_t fewest = UINT64_MAX;
  for (const GainEvidence& gain : evidence.gains) {
    const uint64_t of_backend = flows[gain.backend_id];
    if (of_backend < flows_needed) {
      return Wait(absl::StrCat(gain.name, " has had ", of_backend, " of ", flows_needed,
                               " new flows, its other services included"));
    }
    fewest = std::min(fewest, of_backend);
    if (gain.new_flows < kFollowedMin) continue;
    if (const auto wait = WaitFor(gain)) return *wait;
  }
  return {.confirms = true,
          .why = absl::StrFormat("%.0f s, at least %d new flows at each of the %d backends that "
                                 "gain, followed up as elsewhere, every changed way answers, no "
                                 "alarm",
                                 absl::ToDoubleSeconds(evidence.since),
                                 evidence.gains.empty() ? 0 : fewest, flows.size())};
}

}  // namespace evenkeel
