#include "control/watch/split_watch.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "control/watch/mixture.h"

namespace evenkeel {
namespace {

constexpr double kQuietSeconds = 10.0 * 365 * 24 * 3600;
constexpr double kLevels = 4;  // of a ShareBank

// Of a split whose flows come in bunches: two blocks of the dispersion's second scale and more.
constexpr int kLearningSeconds = 64;

// The window's alarm is over once its strength has stayed below this for so long.
constexpr double kWholeOver = 0.5;
constexpr int kWholeQuiet = 10;

double Share(double part, double total) { return total > 0 ? part / total : 0; }

double Sum(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

double AlarmThreshold(size_t members) {
  return std::log(kQuietSeconds * kLevels * static_cast<double>(std::max<size_t>(members, 1)));
}

void SplitWatch::SetMembers(const std::vector<uint64_t>& ids) {
  absl::flat_hash_map<uint64_t, ShareBank> known;
  for (size_t i = 0; i < ids_.size(); ++i) known[ids_[i]] = banks_[i];
  ids_ = ids;
  banks_.assign(ids.size(), {});
  for (size_t i = 0; i < ids.size(); ++i) {
    if (const auto found = known.find(ids[i]); found != known.end()) banks_[i] = found->second;
  }
}

void SplitWatch::Add(const SplitSecond& second, const SplitRules& rules) {
  if (second.ids != ids_) SetMembers(second.ids);
  threshold_ = rules.threshold;
  shares_ = FitShares(second.observed, second.tables);
  uint64_t total = 0;
  for (const uint64_t count : second.observed) total += count;

  const size_t members = ids_.size();
  std::vector<double> expected(members), excess(members), variance(members);
  for (size_t i = 0; i < members; ++i) {
    expected[i] = static_cast<double>(total) * shares_[i];
    excess[i] = static_cast<double>(second.observed[i]) - expected[i];
    variance[i] = expected[i] * (1 - shares_[i]);
  }
  // Clients that stay together come and go as faults do.
  const bool is_spared = !rules.bunched && !faults_.are_usual();
  const bool was_uneven = IsUneven();
  dispersion_.Add(excess, variance, is_spared && was_uneven);
  window_.Add(second.observed, expected);
  if (rules.bunched && dispersion_.seconds() < kLearningSeconds) return;

  for (size_t i = 0; i < members; ++i) {
    banks_[i].Add({.observed = second.observed[i], .total = total, .share = shares_[i]},
                  dispersion_.value(), rules.threshold, second.at);
  }
  TestWhole(second, rules);
  if (is_spared && IsUneven() && !was_uneven) dispersion_.ForgetRecent();
  faults_.Add(IsUneven());
}

void SplitWatch::Skip() {
  banks_.assign(ids_.size(), {});
  window_ = {};
  whole_since_.reset();
  whole_quiet_ = 0;
}

bool SplitWatch::IsNamed() const {
  return std::any_of(banks_.begin(), banks_.end(),
                     [](const ShareBank& bank) { return bank.is_held(); });
}

void SplitWatch::TestWhole(const SplitSecond& second, const SplitRules& rules) {
  whole_strength_ = window_.Strength(dispersion_.value(), rules.threshold);
  if (IsNamed()) {
    whole_since_.reset();
    since_named_ = 0;
    return;
  }
  ++since_named_;
  const bool is_clean = since_named_ > static_cast<int>(WindowTest::kSeconds);
  if (whole_strength_ >= 1 && is_clean && !whole_since_) {
    whole_since_ = second.at - absl::Seconds(static_cast<int64_t>(WindowTest::kSeconds));
  }
  whole_quiet_ = whole_strength_ < kWholeOver ? whole_quiet_ + 1 : 0;
  if (whole_quiet_ >= kWholeQuiet) whole_since_.reset();
}

std::vector<SplitAlarm> SplitWatch::Alarms() const {
  const double observed = Sum(window_.observed());
  const double expected = Sum(window_.expected());
  std::vector<SplitAlarm> alarms;
  for (size_t i = 0; i < banks_.size(); ++i) {
    if (!banks_[i].is_held()) continue;
    alarms.push_back({.member = ids_[i],
                      .above = banks_[i].is_above(),
                      .expected = Share(window_.expected()[i], expected),
                      .observed = Share(window_.observed()[i], observed),
                      .strength = banks_[i].strength() / threshold_,
                      .since = banks_[i].since()});
  }
  if (alarms.empty() && whole_since_) {
    alarms.push_back({.strength = whole_strength_, .since = *whole_since_});
  }
  return alarms;
}

}  // namespace evenkeel
