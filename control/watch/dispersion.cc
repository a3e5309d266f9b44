#include "control/watch/dispersion.h"

#include <algorithm>
#include <cmath>

namespace evenkeel {
namespace {

// What is known before anything is counted, as so many blocks: flows are independent.
constexpr double kPriorWeight = 1;

// Below it a count is too coarse to be standardised.
constexpr double kVarianceMin = 1;

// A difference counts no more than so many times what is usual: the moment at which a fault begins
// is no dispersion.
constexpr double kOutlier = 9;

}  // namespace

double Dispersion::Known::Estimate() const {
  return (kPriorWeight + sum) / (kPriorWeight + weight);
}

void Dispersion::Scale::Close() {
  const size_t members = excess.size();
  const double limit = kOutlier * std::max(1.0, known.Estimate());
  double mean = 0;
  int counted = 0;
  std::vector<double> now(members, NAN);
  for (size_t i = 0; i < members; ++i) {
    if (variance[i] < kVarianceMin) continue;
    now[i] = excess[i] / std::sqrt(variance[i]);
    if (last.empty() || std::isnan(last[i])) continue;
    const double difference = now[i] - last[i];
    mean += std::min(difference * difference / 2, limit);
    ++counted;
  }
  if (counted > 0) {
    known.sum = known.sum * (1 - forgetting) + mean / counted;
    known.weight = known.weight * (1 - forgetting) + 1;
  }
  last.swap(now);
  filled = 0;
  excess.assign(members, 0);
  variance.assign(members, 0);
}

void Dispersion::Scale::BeginAnew(size_t members) {
  filled = 0;
  last.clear();
  excess.assign(members, 0);
  variance.assign(members, 0);
}

void Dispersion::Add(std::span<const double> excess, std::span<const double> variance,
                     bool at_fault) {
  std::array<Known, kScales>& before = before_[static_cast<size_t>(seconds_ % kRecent)];
  for (size_t i = 0; i < kScales; ++i) before[i] = scales_[i].known;
  ++seconds_;
  for (Scale& scale : std::span(scales_).first(at_fault ? 1 : kScales)) {
    if (scale.excess.size() != excess.size()) scale.BeginAnew(excess.size());
    for (size_t i = 0; i < excess.size(); ++i) {
      scale.excess[i] += excess[i];
      scale.variance[i] += variance[i];
    }
    if (++scale.filled == scale.block) scale.Close();
  }
  Estimate();
}

void Dispersion::ForgetRecent() {
  const int oldest = std::max(seconds_ - kRecent, 0);
  for (size_t i = 0; i < kScales; ++i) {
    scales_[i].known = before_[static_cast<size_t>(oldest % kRecent)][i];
    scales_[i].BeginAnew(scales_[i].excess.size());
  }
  before_.fill({scales_[0].known, scales_[1].known, scales_[2].known});
  Estimate();
}

void Dispersion::Estimate() {
  value_ = 1;
  for (const Scale& scale : scales_) value_ = std::max(value_, scale.known.Estimate());
}

}  // namespace evenkeel
