// A backend that fails again and again comes back more and more slowly, so that it doesn't move its
// slots to and fro.
//
// The n-th failure within ten minutes makes the backend pass for a while before it is taken back:
// nothing for the first two, then 10 s, 20 s, 40 s ..., at most five minutes. A value.
#ifndef CONTROL_OVERLAY_FLAP_DAMPER_H_
#define CONTROL_OVERLAY_FLAP_DAMPER_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/time/time.h"

namespace evenkeel {

class FlapDamper {
 public:
  static constexpr absl::Duration kWindow = absl::Minutes(10);
  static constexpr absl::Duration kFirstWait = absl::Seconds(10);
  static constexpr absl::Duration kLongestWait = absl::Minutes(5);
  static constexpr size_t kFreeFailures = 2;

  // It went out.
  void Fail(absl::Time now) {
    std::erase_if(failures_, [&](absl::Time when) { return when + kWindow <= now; });
    failures_.push_back(now);
  }

  // How long it has to pass, seen from `now`.
  absl::Duration Wait(absl::Time now) const {
    const auto recent = static_cast<size_t>(std::count_if(
        failures_.begin(), failures_.end(), [&](absl::Time t) { return t + kWindow > now; }));
    if (recent <= kFreeFailures) return absl::ZeroDuration();
    absl::Duration wait = kFirstWait;
    for (size_t n = kFreeFailures + 1; n < recent && wait < kLongestWait; ++n) wait *= 2;
    return std::min(wait, kLongestWait);
  }

  // When Wait() may fall by itself next; InfiniteFuture when nothing is remembered.
  absl::Time Forgets(absl::Time now) const {
    absl::Time next = absl::InfiniteFuture();
    for (const absl::Time when : failures_) {
      if (when + kWindow > now) next = std::min(next, when + kWindow);
    }
    return next;
  }

 private:
  std::vector<absl::Time> failures_;  // of the last window, rising
};

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_FLAP_DAMPER_H_
