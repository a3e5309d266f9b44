#include "control/sample/sample_rate.h"

#include <algorithm>
#include <cmath>

namespace evenkeel {
namespace {

constexpr double kEveryMax = 1 << 20;
// A full ring says only that there were more packets than it tells of; or, where it was left alone
// for long, that its reader came late.
constexpr double kFullStep = 16;
constexpr double kLateStep = 2;
constexpr double kLateSeconds = 1.5;

}  // namespace

void SampleRate::Add(double packets, bool was_full, double seconds) {
  if (seconds <= 0) return;
  double wanted = std::ceil(packets / seconds / kSamplesASecond);
  if (was_full)
    wanted = std::max(wanted, every_ * (seconds > kLateSeconds ? kLateStep : kFullStep));
  // Down by halves: traffic that comes back finds no ring too small.
  wanted = std::max(wanted, std::floor(every_ / 2.0));
  every_ = static_cast<uint32_t>(std::clamp(wanted, 1.0, kEveryMax));
}

}  // namespace evenkeel
