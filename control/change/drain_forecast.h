// How far a drain has got, and when it will be done.
//
// Connections that end at a rate of their own leave an exponential: from how far their number has
// fallen since its height follows the rate, and from the rate when the last of n ends, on average
// (ln n + 0.577) / rate from now (the n-th harmonic number). At first the number rises, since a
// connection is counted once it has spoken after the drain began; while the window is open there
// may be some that have not. A value.
//
//   forecast.Add(now, connections, window_end);
//   forecast.progress().connections_left
#ifndef CONTROL_CHANGE_DRAIN_FORECAST_H_
#define CONTROL_CHANGE_DRAIN_FORECAST_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace evenkeel {

struct DrainProgress {
  std::optional<uint64_t> connections_left;  // that have spoken since it began; not set: not known
  std::optional<absl::Time> done_at;         // or since when it has been; not set: nobody can tell
};

class DrainForecast {
 public:
  // One look, at `now`. `window_end`: until when connections may speak up that nobody has counted.
  void Add(absl::Time now, uint64_t connections, absl::Time window_end) {
    if (!height_ || connections >= height_->connections) height_ = Look{now, connections};
    if (connections != 0) empty_since_.reset();
    if (connections == 0 && !empty_since_) empty_since_ = now;
    progress_.connections_left = connections;
    progress_.done_at = DoneAt({now, connections});
    if (progress_.done_at) progress_.done_at = std::max(*progress_.done_at, window_end);
  }

  const DrainProgress& progress() const { return progress_; }

 private:
  struct Look {
    absl::Time when;
    uint64_t connections;
  };

  std::optional<absl::Time> DoneAt(const Look& look) const {
    if (look.connections == 0) return empty_since_;
    if (look.connections == height_->connections) return std::nullopt;
    const auto left = static_cast<double>(look.connections);
    const double fallen = std::log(static_cast<double>(height_->connections) / left);
    constexpr double kEuler = 0.5772;
    return look.when + (look.when - height_->when) * ((std::log(left) + kEuler) / fallen);
  }

  std::optional<Look> height_;  // the last time that there were as many
  std::optional<absl::Time> empty_since_;
  DrainProgress progress_;
};

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_DRAIN_FORECAST_H_
