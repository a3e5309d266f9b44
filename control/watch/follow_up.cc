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

// What is usual is known after so long, and fades by so much a second.
constexpr int kUsualSeconds = 10;
constexpr double kFading = 1.0 / 60;
// Below this part of the usual packets, those that followed do so no more.
constexpr double kGone = 0.2;
// Of packets a second, below which nothing is told of the whole.
constexpr double kUsualMin = 10;

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
  JudgeWhole(at);

  const auto of_short = [](const Member& member) { return member.OfShort(); };
  const auto of_long = [](const Member& member) { return member.of_long; };
  is_suspect_ = whole_bad_for_ > 0 || whole_.fault != WholeFault::kNone;
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

void FollowUp::JudgeWhole(absl::Time at) {
  Sum sum;
  for (const auto& [id, member] : members_) {
    const Sum lately = member.OfShort();
    sum.flows += lately.flows;
    sum.followers += lately.followers;
  }
  const double seconds = static_cast<double>(kShort);
  const double followers = static_cast<double>(sum.followers) / seconds;
  const bool is_bad = sum.flows >= kFlowsMin && sum.per_flow() < kSilentBelow &&
                      usual_for_ >= kUsualSeconds && usual_ >= kUsualMin;
  whole_bad_for_ = is_bad ? whole_bad_for_ + 1 : 0;
  const bool is_good = sum.flows >= kFlowsMin && sum.per_flow() >= kSilentBelow;
  whole_good_for_ = is_good ? whole_good_for_ + 1 : 0;
  const bool is_gone = followers < kGone * usual_;
  // Connections that were there fade away for some seconds: what looks like a flood then is none.
  const bool is_news =
      whole_.fault == WholeFault::kNone || (whole_.fault == WholeFault::kFlood && is_gone);
  if (is_news && whole_bad_for_ >= kSecondsInARow) {
    whole_ = {.fault = is_gone ? WholeFault::kNobodyAnswers : WholeFault::kFlood,
              .since = at - absl::Seconds(static_cast<int64_t>(kShort)),
              .flows = static_cast<double>(sum.flows) / seconds,
              .followers = followers,
              .usual = usual_};
  }
  if (whole_good_for_ >= static_cast<int>(kShort)) whole_ = {};
  if (is_bad || whole_.fault != WholeFault::kNone) return;
  usual_ += (followers - usual_) * std::max(kFading, 1.0 / ++usual_for_);
}

std::vector<SilentMember> FollowUp::Silent() const {
  std::vector<SilentMember> silent;
  for (const auto& [id, member] : members_) {
    if (member.silent) silent.push_back(*member.silent);
  }
  return silent;
}

}  // namespace evenkeel
