#include "control/overlay/pool_health.h"

#include <algorithm>
#include <vector>

namespace evenkeel {

void PoolHealth::SetMembers(const PoolHealthRules& rules, std::span<const PoolHealthMember> members,
                            absl::Time now) {
  rules_ = rules;
  const bool is_first = members_.empty();
  const bool has_verdict = std::ranges::any_of(
      members_, [](const auto& known) { return known.second.verdict.has_value(); });
  std::map<Address, Member> next;
  std::vector<Member*> fresh;
  for (const PoolHealthMember& in : members) {
    const auto known = members_.find(in.address);
    Member& member = next[in.address];
    if (known != members_.end()) member = known->second;
    const bool was_drained = known != members_.end() && member.weight == 0;
    member.weight = in.weight;
    if (known == members_.end() || (was_drained && in.weight != 0)) fresh.push_back(&member);
    if (known == members_.end()) {
      member.out_since = now;
      member.is_in = !rules.checked || !has_verdict;
      member.is_new = !member.is_in;
    }
    if (!rules.checked) member.verdict.reset();
  }
  members_ = std::move(next);
  if (is_first) return;
  for (Member* member : fresh) {
    if (member->is_in) StartRamp(*member, now);
  }
}

void PoolHealth::Adopt(const Address& address, lb_backend_state state, uint8_t steps,
                       absl::Time now) {
  const auto found = members_.find(address);
  if (found == members_.end()) return;
  Member& member = found->second;
  member.is_in = state == LB_BACKEND_UP;
  member.is_new = false;
  member.is_dead = state == LB_BACKEND_DEAD;
  member.out_since = now;
  member.steps = LB_RAMP_STEPS;
  if (member.is_in && steps != 0 && steps < LB_RAMP_STEPS) {
    member.steps = member.ramp_first = steps;
    member.ramp_since = now;
  }
  told_[address] = Of(address);
}

void PoolHealth::Take(const Address& address, const CheckVerdict& verdict, absl::Time now) {
  const auto found = members_.find(address);
  if (found == members_.end() || !rules_.checked) return;
  Member& member = found->second;
  if (!member.verdict || member.verdict->passes != verdict.passes) member.verdict_since = now;
  member.verdict = verdict;
  member.is_new = false;
}

bool PoolHealth::Advance(absl::Time now) {
  Thaw(now);
  LetIn(now);
  LetOut(now);
  JudgePaths(now);
  for (auto& [address, member] : members_) member.steps = StepsAt(member, now);

  std::map<Address, BackendStanding> standings;
  for (const auto& [address, member] : members_) standings[address] = Of(address);
  const bool changed = !std::ranges::equal(told_, standings, [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.SamePublished(b.second);
  });
  told_ = std::move(standings);
  return changed;
}

void PoolHealth::Thaw(absl::Time now) {
  if (!frozen_since_) return;
  if (!HasRecovered()) {
    recovered_since_ = absl::InfiniteFuture();
  } else if (recovered_since_ == absl::InfiniteFuture()) {
    recovered_since_ = now;
  }
  if (recovered_since_ + kThawAfter > now) return;
  frozen_since_.reset();
  recovered_since_ = absl::InfiniteFuture();
}

void PoolHealth::LetIn(absl::Time now) {
  for (auto& [address, member] : members_) {
    if (member.is_in || !MayComeIn(member, now)) continue;
    if (frozen_since_ && member.weight != 0) {
      const bool someone_passes = std::ranges::any_of(members_, [&](const auto& other) {
        return other.second.is_in && other.second.weight != 0 && Passes(other.second);
      });
      if (someone_passes) continue;
    }
    ComeIn(member, now);
  }
}

void PoolHealth::LetOut(absl::Time now) {
  std::vector<Member*> failing;
  for (auto& [address, member] : members_) {
    if (member.is_in && Fails(member)) failing.push_back(&member);
  }
  // Who failed first goes first; std::map has broken ties by address.
  std::ranges::stable_sort(failing, {}, &Member::verdict_since);
  for (Member* member : failing) {
    if (member->weight != 0 && frozen_since_) continue;
    if (member->weight != 0 && !KeepsFloor(*member)) {
      frozen_since_ = now;
      continue;
    }
    GoOut(*member, now);
  }
}

void PoolHealth::JudgePaths(absl::Time now) {
  for (auto& [address, member] : members_) {
    if (member.is_in || !Fails(member)) continue;
    if (member.verdict->path_alive) {
      member.is_dead = false;
    } else if (!frozen_since_ && member.out_since + rules_.hold <= now) {
      member.is_dead = true;
    }
  }
}

absl::Time PoolHealth::NextChange(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  const auto consider = [&](absl::Time when) {
    if (when > now) next = std::min(next, when);
  };
  if (frozen_since_) consider(recovered_since_ + kThawAfter);
  for (const auto& [address, member] : members_) {
    if (member.is_in) {
      consider(NextStep(member));
    } else if (Fails(member)) {
      consider(member.out_since + rules_.hold);
    } else if (Passes(member)) {
      consider(member.verdict_since + member.flaps.Wait(now));
      consider(member.flaps.Forgets(now));
    }
  }
  return next;
}

BackendStanding PoolHealth::Of(const Address& address) const {
  const auto found = members_.find(address);
  if (found == members_.end()) return {};
  const Member& member = found->second;
  BackendStanding standing;
  standing.fails = Fails(member);
  if (member.is_in) {
    standing.steps = member.steps;
    return standing;
  }
  standing.state = member.is_dead ? LB_BACKEND_DEAD : LB_BACKEND_SUSPECT;
  standing.steps = 0;
  standing.unchecked = !member.verdict;
  if (Passes(member)) {
    standing.held_until = member.verdict_since + member.flaps.Wait(member.verdict_since);
  }
  return standing;
}

std::optional<FloorAlarm> PoolHealth::alarm() const {
  if (!frozen_since_) return std::nullopt;
  const uint64_t total = TotalWeight();
  return FloorAlarm{
      .since = *frozen_since_,
      .healthy_percent = total == 0 ? 0 : static_cast<uint32_t>(PassingWeight() * 100 / total),
      .floor_percent = rules_.min_healthy_percent};
}

// Without a verdict it is what it was: in.
bool PoolHealth::Passes(const Member& member) const {
  return member.verdict ? member.verdict->passes : member.is_in;
}

bool PoolHealth::MayComeIn(const Member& member, absl::Time now) const {
  if (!rules_.checked) return true;
  if (!member.verdict || !member.verdict->passes) return false;
  return member.verdict_since + member.flaps.Wait(now) <= now;
}

bool PoolHealth::KeepsFloor(const Member& leaving) const {
  uint64_t stays = 0;
  for (const auto& [address, member] : members_) {
    if (member.is_in && &member != &leaving) stays += member.weight;
  }
  return stays != 0 && stays * 100 >= rules_.min_healthy_percent * TotalWeight();
}

uint64_t PoolHealth::TotalWeight() const {
  uint64_t weight = 0;
  for (const auto& [address, member] : members_) weight += member.is_new ? 0 : member.weight;
  return weight;
}

uint64_t PoolHealth::PassingWeight() const {
  uint64_t weight = 0;
  for (const auto& [address, member] : members_) weight += Passes(member) ? member.weight : 0;
  return weight;
}

bool PoolHealth::HasRecovered() const {
  const uint64_t wanted = std::min(rules_.min_healthy_percent + kThawPoints, 100u);
  return PassingWeight() * 100 >= wanted * TotalWeight();
}

void PoolHealth::ComeIn(Member& member, absl::Time now) {
  member.is_in = true;
  member.is_new = member.is_dead = false;
  StartRamp(member, now);
}

void PoolHealth::GoOut(Member& member, absl::Time now) {
  member.is_in = false;
  member.out_since = now;
  member.flaps.Fail(now);
}

// A backend ramps only beside one that is wholly in: somebody has to carry what is withheld.
void PoolHealth::StartRamp(Member& member, absl::Time now) {
  member.steps = LB_RAMP_STEPS;
  if (rules_.slow_start <= absl::ZeroDuration() || member.weight == 0) return;
  const bool has_carrier = std::ranges::any_of(members_, [&](const auto& other) {
    return &other.second != &member && other.second.is_in && other.second.weight != 0 &&
           other.second.steps == LB_RAMP_STEPS;
  });
  if (!has_carrier) return;
  member.steps = member.ramp_first = 1;
  member.ramp_since = now;
}

// One step at once, all of them after slow_start.
uint8_t PoolHealth::StepsAt(const Member& member, absl::Time now) const {
  if (member.steps >= LB_RAMP_STEPS || rules_.slow_start <= absl::ZeroDuration()) {
    return LB_RAMP_STEPS;
  }
  const absl::Duration step = rules_.slow_start / (LB_RAMP_STEPS - 1);
  absl::Duration rest;
  const int64_t passed = absl::IDivDuration(now - member.ramp_since, step, &rest);
  return static_cast<uint8_t>(
      std::clamp<int64_t>(member.ramp_first + passed, member.steps, LB_RAMP_STEPS));
}

absl::Time PoolHealth::NextStep(const Member& member) const {
  if (member.steps >= LB_RAMP_STEPS) return absl::InfiniteFuture();
  const absl::Duration step = rules_.slow_start / (LB_RAMP_STEPS - 1);
  return member.ramp_since + step * (member.steps - member.ramp_first + 1);
}

}  // namespace evenkeel
