// Whether one member of a split (a backend of a service, a worker of a plane) gets more or less
// than its share: four one-sided CUSUMs of log-likelihood ratios, a small and a large deviation
// each way.
//
// A level compares "its share is as expected, but for the tolerance" with "its odds are `ratio`
// times that". Given the total, a count is binomial, so that a surge of the whole service is no
// evidence; ratios are of odds, which for small shares are those of the shares and for large ones
// stay below one. A level whose sum passes the threshold is held until as much evidence has come
// that all is well again (Page's test both ways), and no shorter than kHoldSeconds.
//
//   bank.Add({.observed = 97, .total = 1000, .share = 0.05}, dispersion, threshold, now);
//   if (bank.is_held()) Tell(bank.is_above(), bank.since());
//
// A value; one thread.
#ifndef CONTROL_WATCH_SHARE_BANK_H_
#define CONTROL_WATCH_SHARE_BANK_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace evenkeel {

// Of one member in one second.
struct ShareCount {
  uint64_t observed = 0;
  uint64_t total = 0;  // of all members
  double share = 0;    // expected, of 1
};

class ShareBank {
 public:
  static constexpr int kHoldSeconds = 10;

  // `dispersion` divides the evidence; `threshold` in nats; `at` is the end of the second.
  void Add(const ShareCount& count, double dispersion, double threshold, absl::Time at);

  bool is_held() const;
  // Of the strongest level.
  bool is_above() const;
  double strength() const;  // the highest sum, in nats
  // When the deviation began: when the sum of the level that was held first was last zero. Stays
  // the same while any level is held.
  absl::Time since() const;

 private:
  // Evidence of one flow that the member got, and of one that it did not get.
  struct Weights {
    double hit = 0;
    double miss = 0;
  };
  struct Level {
    double rise = 0;
    double fall = 0;   // evidence, while held, that it is over
    int held_for = 0;  // seconds; 0: not held
    absl::Time since;
  };
  static constexpr size_t kLevels = 4;

  void SetShare(double share);
  // True: it was held, and is over.
  static bool Step(double evidence, double threshold, absl::Time at, Level& level);
  void Release(size_t over);
  void KeepSince();
  size_t Strongest() const;

  double share_ = -1;  // that the weights are for
  std::array<Weights, kLevels> weights_;
  std::array<Level, kLevels> levels_;
  std::optional<absl::Time> held_since_;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_SHARE_BANK_H_
