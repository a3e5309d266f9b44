#include "control/watch/share_bank.h"

#include <algorithm>
#include <cmath>

namespace evenkeel {
namespace {

// Odds ratios, and those that are still as they should be.
constexpr double kRatios[] = {1.2, 1.5, 0.83, 0.5};
constexpr double kTolerance = 0.05;

// A member that should get nothing gets a little: a client that uses a port again is led to its
// former backend.
constexpr double kShareMin = 1e-3;

// Evidence that it is over, in nats: an error of one in 150.
constexpr double kOver = 5;

// A held level's sum goes no higher, so that its strength tells of now.
constexpr double kRiseLimit = 100;  // thresholds

double ScaleOdds(double share, double ratio) { return ratio * share / (1 - share + ratio * share); }

}  // namespace

void ShareBank::SetShare(double share) {
  share_ = share;
  const double expected = std::clamp(share, kShareMin, 1 - kShareMin);
  for (size_t i = 0; i < kLevels; ++i) {
    const bool is_up = kRatios[i] > 1;
    const double usual = ScaleOdds(expected, is_up ? 1 + kTolerance : 1 - kTolerance);
    const double faulty = ScaleOdds(expected, kRatios[i]);
    weights_[i] = {std::log(faulty / usual), std::log((1 - faulty) / (1 - usual))};
    // Nobody gets less than next to nothing, and nobody more than next to all.
    if (is_up ? share > 1 - kShareMin : share < kShareMin) weights_[i] = {};
  }
}

bool ShareBank::Step(double evidence, double threshold, absl::Time at, Level& level) {
  if (level.rise <= 0) level.since = at - absl::Seconds(1);
  level.rise = std::clamp(level.rise + evidence, 0.0, kRiseLimit * threshold);
  if (level.held_for == 0) {
    if (level.rise < threshold) return false;
    level.fall = 0;
  }
  ++level.held_for;
  level.fall = std::max(0.0, level.fall - evidence);
  return level.held_for > kHoldSeconds && level.fall >= kOver;
}

// The other level of that direction, which gathers evidence more slowly, begins anew: if a small
// deviation is left, it says so in its own time.
void ShareBank::Release(size_t over) {
  for (size_t i = 0; i < kLevels; ++i) {
    if ((kRatios[i] > 1) == (kRatios[over] > 1)) levels_[i] = {};
  }
}

void ShareBank::Add(const ShareCount& count, double dispersion, double threshold, absl::Time at) {
  if (count.share != share_) SetShare(count.share);
  const double hits = static_cast<double>(count.observed) / dispersion;
  const double misses = static_cast<double>(count.total - count.observed) / dispersion;
  for (size_t i = 0; i < kLevels; ++i) {
    const double evidence = hits * weights_[i].hit + misses * weights_[i].miss;
    if (Step(evidence, threshold, at, levels_[i])) Release(i);
  }
  KeepSince();
}

void ShareBank::KeepSince() {
  if (!is_held()) {
    held_since_.reset();
  } else if (!held_since_) {
    held_since_ = levels_[Strongest()].since;
  }
}

bool ShareBank::is_held() const {
  return std::any_of(levels_.begin(), levels_.end(),
                     [](const Level& level) { return level.held_for > 0; });
}

// A held level before one that is not.
size_t ShareBank::Strongest() const {
  const auto rank = [](const Level& level) { return std::pair(level.held_for > 0, level.rise); };
  const auto best =
      std::max_element(levels_.begin(), levels_.end(),
                       [&](const Level& a, const Level& b) { return rank(a) < rank(b); });
  return static_cast<size_t>(best - levels_.begin());
}

bool ShareBank::is_above() const { return kRatios[Strongest()] > 1; }

double ShareBank::strength() const { return levels_[Strongest()].rise; }

absl::Time ShareBank::since() const {
  return held_since_ ? *held_since_ : levels_[Strongest()].since;
}

}  // namespace evenkeel
