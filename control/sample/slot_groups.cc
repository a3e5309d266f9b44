#include "control/sample/slot_groups.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace evenkeel {
namespace {

// So many flows a cell in the window, so that the test's approximation holds.
constexpr double kFlowsACell = 8;
// A window overlaps the one before: only what lasts is said.
constexpr int kLoudSeconds = 3;
constexpr int kQuietSeconds = 10;
// Over so many groups chance alone makes half of what is needed, and more where flows bunch.
constexpr double kOver = 0.75;
// Of flows that come in bunches: as the watch (split_watch.cc).
constexpr int kLearningSeconds = 64;
// Linux sends a SYN again after 1, 3, 7, 15, 31 and 63 seconds.
constexpr int kKnownSeconds = 64;

}  // namespace

void SlotGroups::ForgetFlows() {
  if (++known_seconds_ < kKnownSeconds) return;
  known_seconds_ = 0;
  known_before_ = std::move(known_);
  known_.clear();
}

void SlotGroups::EndSecond(absl::Time at, double nats, bool bunched) {
  // Clients that stay together come and go as faults do.
  const bool is_spared = !bunched && !faults_.are_usual();
  const bool was_alarmed = alarm_.has_value();
  TakeSecond(is_spared && was_alarmed);
  Judge(at, nats, !bunched || dispersion_.seconds() >= kLearningSeconds);
  if (is_spared && alarm_ && !was_alarmed) dispersion_.ForgetRecent();
  faults_.Add(alarm_.has_value());
}

void SlotGroups::TakeSecond(bool at_fault) {
  const double total = static_cast<double>(std::accumulate(counts_.begin(), counts_.end(), 0ull));
  const std::vector<double> expected(kGroups, total / kGroups);
  std::vector<double> excess(kGroups), variance(kGroups);
  for (size_t i = 0; i < kGroups; ++i) {
    excess[i] = static_cast<double>(counts_[i]) - expected[i];
    variance[i] = expected[i] * (1 - 1.0 / kGroups);
  }
  dispersion_.Add(excess, variance, at_fault);
  window_.Add(counts_, expected);
  counts_.fill(0);
  ForgetFlows();
}

void SlotGroups::Judge(absl::Time at, double nats, bool can_tell) {
  const auto observed = window_.observed();
  const double flows = std::accumulate(observed.begin(), observed.end(), 0.0);
  if (flows < kFlowsACell * kGroups) can_tell = false;
  const double strength = can_tell ? window_.Strength(dispersion_.value(), nats) : 0;
  loud_ = strength >= 1 ? loud_ + 1 : 0;
  quiet_ = strength < kOver ? quiet_ + 1 : 0;
  if (quiet_ >= kQuietSeconds) alarm_.reset();
  if (!alarm_ && loud_ < kLoudSeconds) return;
  if (!alarm_) {
    alarm_ = SlotGroupsAlarm{
        .since = at - absl::Seconds(static_cast<int64_t>(WindowTest::kSeconds) + kLoudSeconds)};
  }
  if (strength < 1) return;
  alarm_->strength = strength;
  alarm_->empty = static_cast<int>(std::count(observed.begin(), observed.end(), 0.0));
  alarm_->largest = *std::max_element(observed.begin(), observed.end()) / flows;
}

}  // namespace evenkeel
