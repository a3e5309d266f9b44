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

double Dispersion::Scale::Estimate() const {
  return (kPriorWeight + sum) / (kPriorWeight + weight);
}

void Dispersion::Scale::Close() {
  const size_t members = excess.size();
  const double limit = kOutlier * std::max(1.0, Estimate());
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
    sum = sum * (1 - forgetting) + mean / counted;
    weight = weight * (1 - forgetting) + 1;
  }
  last.swap(now);
  filled = 0;
  excess.assign(members, 0);
  variance.assign(members, 0);
}

void Dispersion::Add(std::span<const double> excess, std::span<const double> variance) {
  ++seconds_;
  value_ = 1;
  for (Scale& scale : scales_) {
    if (scale.excess.size() != excess.size()) {
      scale.filled = 0;
      scale.last.clear();
      scale.excess.assign(excess.size(), 0);
      scale.variance.assign(excess.size(), 0);
    }
    for (size_t i = 0; i < excess.size(); ++i) {
      scale.excess[i] += excess[i];
      scale.variance[i] += variance[i];
    }
    if (++scale.filled == scale.block) scale.Close();
    value_ = std::max(value_, scale.Estimate());
  }
}

}  // namespace evenkeel
