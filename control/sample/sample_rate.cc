#include "control/sample/sample_rate.h"

#include <algorithm>
#include <cmath>

namespace evenkeel {
namespace {

constexpr double kEveryMax = 1 << 20;
// A full ring says only that there were more packets than it tells of.
constexpr double kFullStep = 16;

}  // namespace

void SampleRate::Add(double packets, bool was_full, double seconds) {
  if (seconds <= 0) return;
  double wanted = std::ceil(packets / seconds / kSamplesASecond);
  if (was_full) wanted = std::max(wanted, every_ * kFullStep);
  // Down by halves: traffic that comes back finds no ring too small.
  wanted = std::max(wanted, std::floor(every_ / 2.0));
  every_ = static_cast<uint32_t>(std::clamp(wanted, 1.0, kEveryMax));
}

}  // namespace evenkeel
