#include "control/watch/window_test.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace evenkeel {
namespace {

constexpr double kTolerance = 0.05;

// Below so much in the window a cell is tested together with others of its kind.
constexpr double kExpectedMin = 5;

// The normal deviate that is passed with probability exp(-nats), for nats of 2 and more.
double NormalBound(double nats) {
  double z = std::sqrt(2 * nats);
  for (int i = 0; i < 8; ++i) {
    z = std::sqrt(std::max(1.0, 2 * (nats - std::log(z * std::sqrt(2 * std::numbers::pi)))));
  }
  return z;
}

double Term(double observed, double expected) {
  return observed > 0 ? 2 * observed * std::log(observed / expected) : 0;
}

}  // namespace

double ChiSquareBound(double degrees, double nats) {
  const double spread = 2 / (9 * degrees);
  const double root = 1 - spread + NormalBound(nats) * std::sqrt(spread);
  return degrees * root * root * root;
}

void WindowTest::Add(std::span<const uint64_t> observed, std::span<const double> expected) {
  if (observed_.size() != observed.size()) {
    filled_ = 0;
    observed_.assign(observed.size(), 0);
    expected_.assign(observed.size(), 0);
    for (Second& second : seconds_) {
      second.observed.assign(observed.size(), 0);
      second.expected.assign(observed.size(), 0);
    }
  }
  Second& oldest = seconds_[next_];
  for (size_t i = 0; i < observed.size(); ++i) {
    const double count = static_cast<double>(observed[i]);
    observed_[i] += count - oldest.observed[i];
    expected_[i] = std::max(0.0, expected_[i] + expected[i] - oldest.expected[i]);
    oldest.observed[i] = count;
    oldest.expected[i] = expected[i];
  }
  next_ = (next_ + 1) % kSeconds;
  filled_ = std::min(filled_ + 1, kSeconds);
}

double WindowTest::Strength(double dispersion, double nats) const {
  if (filled_ < kSeconds) return 0;
  double g = 0, total = 0, small_observed = 0, small_expected = 0;
  int cells = 0;
  for (size_t i = 0; i < observed_.size(); ++i) {
    total += expected_[i];
    if (expected_[i] < kExpectedMin) {
      small_observed += observed_[i];
      small_expected += expected_[i];
      continue;
    }
    g += Term(observed_[i], expected_[i]);
    ++cells;
  }
  if (small_expected >= kExpectedMin) {
    g += Term(small_observed, small_expected);
    ++cells;
  }
  if (cells < 2) return 0;
  // The root of G is a distance: that of chance and that of the tolerance add up at most.
  const double bound =
      std::sqrt(ChiSquareBound(cells - 1, nats)) + kTolerance * std::sqrt(total / dispersion);
  return std::max(0.0, g) / dispersion / (bound * bound);
}

}  // namespace evenkeel
