#include "control/rollback/trial_guard.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/change/drains.h"
#include "control/config/parse.h"
#include "dataplane/forward/reason_name.h"
#include "dataplane/forward/verdict.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kBefore = absl::Seconds(10);
constexpr absl::Duration kLately = absl::Seconds(3);

Who Itself() { return {.uid = geteuid(), .name = "evenkeeld (watch)"}; }

uint64_t At(const std::vector<uint64_t>& reasons, size_t reason) {
  return reason < reasons.size() ? reasons[reason] : 0;
}
uint64_t Less(uint64_t now, uint64_t then) { return now > then ? now - then : 0; }

// Reasons that a client cannot cause. `no_backend` is one unless a pool is meant to be empty.
std::vector<lb_reason> ReasonsOfConfiguration(const Config& config) {
  std::vector<lb_reason> reasons = {LB_REASON_next_hop_unresolved, LB_REASON_no_encap_source};
  const bool has_empty =
      std::any_of(config.pools.begin(), config.pools.end(), [](const Pool& pool) {
        return std::none_of(pool.backends.begin(), pool.backends.end(),
                            [](const Backend& backend) { return backend.effective_weight() > 0; });
      });
  if (!has_empty) reasons.push_back(LB_REASON_no_backend);
  return reasons;
}

int PercentOf(const TrialView& trial) { return trial.canary ? trial.canary->percent : 100; }

double PerFlow(const FlowTotals& totals) {
  if (totals.new_flows == 0) return 0;
  return static_cast<double>(Less(totals.packets, totals.new_flows)) /
         static_cast<double>(totals.new_flows);
}

FlowTotals Since(const absl::flat_hash_map<FlowKey, FlowTotals>& start, const TrafficNow& now,
                 const FlowKey& key) {
  const auto is = now.flows.find(key), was = start.find(key);
  if (is == now.flows.end()) return {};
  const FlowTotals before = was == start.end() ? FlowTotals{} : was->second;
  return {.packets = Less(is->second.packets, before.packets),
          .bytes = Less(is->second.bytes, before.bytes),
          .new_flows = Less(is->second.new_flows, before.new_flows)};
}

}  // namespace

void TrialGuard::See(const TrafficNow& now, const std::vector<WatchAlarm>& alarms, absl::Time at) {
  const std::optional<TrialView> trial = pipeline_.Trial();
  if (!trial || trial->confirming) {
    Forget();
    Remember(now, at);
    return;
  }
  const bool is_known =
      trial_ && trial_->revision == trial->revision && trial_->percent == PercentOf(*trial);
  if (!is_known && !Begin(*trial, now, at)) return;
  Remember(now, at);

  if (const auto reason = ReasonToReturn(EvidenceNow(now, alarms))) {
    LogWarning("watch", "revision ", trial->revision, " is taken back: ", *reason);
    const ApplyOutcome outcome = pipeline_.Rollback(
        {.to = {}, .reason = absl::StrCat("on evidence: ", *reason), .judged = trial_->revision},
        Itself());
    if (outcome.refusal) LogError("watch", "it is not taken back: ", outcome.refusal->message);
    Forget();
    return;
  }
  const bool is_stage = trial_->percent < 100;
  if (!is_stage && !MayConfirmByItself()) return;
  const AutoEvidence evidence = EvidenceToConfirm(now, alarms, at);
  GoOn(is_stage ? JudgeStage(evidence) : JudgeAutoConfirm(evidence));
}

// To the canary's next stage, or for good.
void TrialGuard::GoOn(const AutoVerdict& verdict) {
  const bool is_stage = trial_->percent < 100;
  if (!verdict.confirms) {
    if (is_stage) pipeline_.TellCanary(trial_->revision, verdict.why);
    if (verdict.why != told_) {
      LogInfo("watch", is_stage ? "not widened yet: " : "not confirmed yet: ", verdict.why);
    }
    told_ = verdict.why;
    return;
  }
  if (is_stage) {
    const absl::Status widened = pipeline_.Widen(
        {.revision = trial_->revision, .percent = trial_->percent, .evidence = verdict.why},
        Itself());
    if (!widened.ok()) LogError("watch", "it is not widened: ", widened.message());
    return;
  }
  LogInfo("watch", "revision ", trial_->revision, " confirms itself: ", verdict.why);
  const ApplyOutcome outcome = pipeline_.Confirm(Itself(), trial_->revision);
  if (outcome.refusal) LogError("watch", "it is not confirmed: ", outcome.refusal->message);
  Forget();
}

void TrialGuard::Remember(const TrafficNow& now, absl::Time at) {
  looks_.push_back({.at = at, .received = now.received, .reasons = now.reasons});
  while (looks_.size() > 1 && looks_[1].at <= at - kBefore) looks_.pop_front();
}

void TrialGuard::Forget() {
  if (!trial_) return;
  asker_.End();
  trial_.reset();
  told_.clear();
}

bool TrialGuard::Begin(const TrialView& trial, const TrafficNow& now, absl::Time at) {
  Forget();
  Watched watched{.revision = trial.revision,
                  .percent = PercentOf(trial),
                  .since = at,
                  .base = {},
                  .running = pipeline_.Running()};
  if (watched.running == nullptr || watched.running->revision != trial.revision) return false;
  const CanaryStage* stage = watched.running->canary.get();
  if ((stage == nullptr ? 100 : stage->percent) != watched.percent) return false;  // just widened
  if (trial.base_revision != 0) {
    const absl::StatusOr<Revision> base = pipeline_.Show(trial.base_revision);
    if (!base.ok()) return false;
    ParseResult parsed = ParseConfig(base->content);
    if (parsed.config) {
      watched.base = *std::move(parsed.config);
      JoinDrains(base->drains, watched.base);
    }
  }
  watched.gaining = GainingBackends(watched.base, watched.goal());
  watched.at_start = now.flows;
  if (!looks_.empty()) {
    for (size_t reason = 0; reason < now.reasons.size(); ++reason) {
      watched.drops_before.push_back(
          Less(At(looks_.back().reasons, reason), At(looks_.front().reasons, reason)));
    }
  }
  asker_.Begin(PathsOf(watched.base, watched.goal()), watched.goal().network);
  trial_ = std::move(watched);
  return true;
}

TrialEvidence TrialGuard::EvidenceNow(const TrafficNow& now,
                                      const std::vector<WatchAlarm>& alarms) const {
  TrialEvidence evidence{
      .paths = asker_.Evidence(), .checks = Checks(), .drops = Drops(now), .table_fault = {}};
  for (const WatchAlarm& alarm : alarms) {
    if (alarm.kind == WatchKind::kDistribution && alarm.rule == "F55") {
      evidence.table_fault = alarm.message;
    }
  }
  return evidence;
}

std::vector<CheckEvidence> TrialGuard::Checks() const {
  std::vector<CheckEvidence> checks;
  const Standings& standings = pipeline_.standings();
  const Standings::StandingOf confirmed = standings.Confirmed();
  for (const Pool& pool : trial_->running->config.pools) {
    if (!pool.health) continue;
    const Pool* before = trial_->base.FindPool(pool.name);
    for (const Backend& backend : pool.backends) {
      if (backend.effective_weight() == 0) continue;
      const Address& address = backend.address.bytes();
      const bool was_there =
          before != nullptr &&
          std::any_of(before->backends.begin(), before->backends.end(),
                      [&](const Backend& other) { return other.address == backend.address; });
      const bool same_check = was_there && before->health == pool.health;
      checks.push_back(
          {.pool = pool.name,
           .backend = backend.name,
           .is_changed = !same_check,
           .fails = standings.Of(pool.name, address).fails,
           .fails_before = !was_there || !before->health || confirmed(pool.name, address).fails,
           .error = standings.Trouble(pool.name, address)});
    }
  }
  return checks;
}

std::vector<DropEvidence> TrialGuard::Drops(const TrafficNow& now) const {
  const auto then = std::find_if(looks_.rbegin(), looks_.rend(), [&](const DropLook& look) {
    return look.at <= looks_.back().at - kLately;
  });
  std::vector<DropEvidence> drops;
  // What was dropped before the trial, within these seconds, is not its doing.
  if (then == looks_.rend() || then->at < trial_->since) return drops;
  for (const lb_reason reason : ReasonsOfConfiguration(trial_->running->config)) {
    drops.push_back({.reason = lb_reason_name(reason),
                     .before = At(trial_->drops_before, reason),
                     .lately = Less(At(now.reasons, reason), At(then->reasons, reason)),
                     .received = Less(now.received, then->received)});
  }
  return drops;
}

AutoEvidence TrialGuard::EvidenceToConfirm(const TrafficNow& now,
                                           const std::vector<WatchAlarm>& alarms,
                                           absl::Time at) const {
  AutoEvidence evidence{.since = at - trial_->since, .gains = {}, .alarm = {}};
  const std::vector<TrialPath> paths = PathsOf(trial_->base, trial_->goal());
  evidence.paths_answer = paths.empty() || asker_.AllAnswer();
  if (!alarms.empty()) evidence.alarm = alarms.front().message;
  for (const ControlAlarm& alarm : pipeline_.Alarms()) evidence.alarm = alarm.message;

  const double seconds = std::max(1.0, absl::ToDoubleSeconds(evidence.since));
  std::map<uint64_t, double> loads;  // new flows a second, by backend
  for (const auto& [key, totals] : now.flows) {
    loads[key.second] += static_cast<double>(Since(trial_->at_start, now, key).new_flows) / seconds;
  }
  const auto gains = [&](const FlowKey& key) {
    return std::any_of(trial_->gaining.begin(), trial_->gaining.end(), [&](const auto& gaining) {
      return FlowKey(gaining.service_id, gaining.backend_id) == key;
    });
  };
  for (const GainingBackend& gaining : trial_->gaining) {
    const FlowTotals totals =
        Since(trial_->at_start, now, {gaining.service_id, gaining.backend_id});
    GainEvidence gain{.name = absl::StrCat(gaining.backend, " for ", gaining.service),
                      .backend_id = gaining.backend_id,
                      .new_flows = totals.new_flows,
                      .per_flow = {},
                      .others = {},
                      .load = {}};
    if (gaining.capacity) gain.load = loads[gaining.backend_id] / *gaining.capacity;
    if (!gaining.is_udp) {
      gain.per_flow = PerFlow(totals);
      std::vector<double> others;
      for (const auto& [key, unused] : now.flows) {
        if (key.first != gaining.service_id || gains(key)) continue;
        const FlowTotals other = Since(trial_->at_start, now, key);
        if (other.new_flows > 0) others.push_back(PerFlow(other));
      }
      std::sort(others.begin(), others.end());
      if (!others.empty()) gain.others = others[others.size() / 2];
    }
    evidence.gains.push_back(std::move(gain));
  }
  return evidence;
}

std::optional<Refusal> TrialGuard::WhyNotAuto(const ApplyCall& call) {
  const ParseResult parsed = ParseConfig(call.content);
  // Its errors are told by the apply itself.
  if (!parsed.config) return std::nullopt;
  const absl::StatusOr<Plan> plan = pipeline_.PlanChange(
      {.content = call.content, .file = call.file, .allow = call.allow, .new_flows = rates_()});
  if (!plan.ok() || HasErrors(plan->findings)) return std::nullopt;
  return WhyNotAutoConfirm(*plan, !call.allow.empty() || !parsed.config->safety.allow.empty(),
                           call.confirm_within.value_or(parsed.config->safety.confirm_within));
}

void TrialGuard::ConfirmByItself(int64_t revision) {
  const std::lock_guard lock(mutex_);
  auto_revision_ = revision;
}

bool TrialGuard::MayConfirmByItself() const {
  const std::lock_guard lock(mutex_);
  return auto_revision_ == trial_->revision;
}

}  // namespace evenkeel
