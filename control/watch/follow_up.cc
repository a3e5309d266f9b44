#include "control/watch/follow_up.h"

#include <algorithm>

namespace evenkeel {
namespace {

// Fewer new flows in a window say nothing.
constexpr uint64_t kFlowsMin = 20;
constexpr uint64_t kOthersFlowsMin = 10;

// Packets after a new flow. One that is made has at least its handshake's third.
constexpr double kSilentBelow = 0.5;
constexpr double kAnswersFrom = 1;

// The short window, in a row.
constexpr int kSecondsInARow = 2;
// Without a share for so long, nothing is asked of it any more.
constexpr int kIdleSeconds = 10;

}  // namespace

void FollowUp::Member::Push(const Sum& second) {
  of_long.flows += second.flows - seconds[next].flows;
  of_long.followers += second.followers - seconds[next].followers;
  seconds[next] = second;
  next = (next + 1) % kLong;
}

FollowUp::Sum FollowUp::Member::OfShort() const {
  Sum sum;
  for (size_t i = 1; i <= kShort; ++i) {
    const Sum& second = seconds[(next + kLong - i) % kLong];
    sum.flows += second.flows;
    sum.followers += second.followers;
  }
  return sum;
}

std::optional<double> FollowUp::MedianOfOthers(uint64_t id, Sum (*window)(const Member&)) const {
  std::vector<double> others;
  for (const auto& [other_id, other] : members_) {
    const Sum sum = window(other);
    if (other_id != id && sum.flows >= kOthersFlowsMin) others.push_back(sum.per_flow());
  }
  if (others.empty()) return std::nullopt;
  const auto middle = others.begin() + static_cast<int64_t>(others.size() / 2);
  std::nth_element(others.begin(), middle, others.end());
  return *middle;
}

bool FollowUp::IsBad(uint64_t id, const Member& member, Sum (*window)(const Member&),
                     SilentMember* found) const {
  const Sum sum = window(member);
  if (sum.flows < kFlowsMin || sum.per_flow() >= kSilentBelow) return false;
  const std::optional<double> others = MedianOfOthers(id, window);
  if (!others || *others < kAnswersFrom) return false;
  found->per_flow = sum.per_flow();
  found->others = *others;
  return true;
}

void FollowUp::Add(std::span<const MemberCount> counts, std::span<const double> shares,
                   absl::Time at) {
  absl::flat_hash_map<uint64_t, Member> kept;
  for (size_t i = 0; i < counts.size(); ++i) {
    const MemberCount& count = counts[i];
    Member& member = kept[count.id];
    if (const auto known = members_.find(count.id); known != members_.end()) {
      member = std::move(known->second);
    }
    const uint64_t flows = count.new_flows;
    member.Push({.flows = flows, .followers = count.packets > flows ? count.packets - flows : 0});
    member.idle_for = shares[i] > 0 ? 0 : member.idle_for + 1;
  }
  members_.swap(kept);

  const auto of_short = [](const Member& member) { return member.OfShort(); };
  const auto of_long = [](const Member& member) { return member.of_long; };
  is_suspect_ = false;
  for (auto& [id, member] : members_) {
    SilentMember found{.id = id, .since = at - absl::Seconds(static_cast<int64_t>(kShort))};
    const bool is_bad = IsBad(id, member, of_short, &found);
    member.bad_for = is_bad ? member.bad_for + 1 : 0;
    bool is_silent = member.bad_for >= kSecondsInARow;
    if (!is_silent && IsBad(id, member, of_long, &found)) {
      is_silent = true;
      found.since = at - absl::Seconds(static_cast<int64_t>(kLong));
    }
    if (is_silent && !member.silent) member.silent = found;
    const Sum lately = member.OfShort();
    const Sum& recent = lately.flows >= kFlowsMin ? lately : member.of_long;
    const bool answers = recent.flows >= kFlowsMin && recent.per_flow() >= kAnswersFrom;
    if (answers || member.idle_for >= kIdleSeconds) member.silent.reset();
    is_suspect_ |= is_bad || member.silent.has_value();
  }
}

std::vector<SilentMember> FollowUp::Silent() const {
  std::vector<SilentMember> silent;
  for (const auto& [id, member] : members_) {
    if (member.silent) silent.push_back(*member.silent);
  }
  return silent;
}

}  // namespace evenkeel
