// The G-test over the last ten seconds of a split: many small deviations together, which no single
// member's CUSUM sees.
//
//   window.Add(observed, expected);
//   if (window.Strength(dispersion, nats) >= 1) ...
//
// A value; one thread.
#ifndef CONTROL_WATCH_WINDOW_TEST_H_
#define CONTROL_WATCH_WINDOW_TEST_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace evenkeel {

class WindowTest {
 public:
  static constexpr size_t kSeconds = 10;

  // One second, all members in a fixed order; other members than before begin a new window.
  void Add(std::span<const uint64_t> observed, std::span<const double> expected);

  // G over its threshold: 1 is what chance and the tolerance of 5 % a member together pass with
  // probability exp(-nats). 0 before the window is full, and below one count that can be tested.
  double Strength(double dispersion, double nats) const;

  // Sums of the window.
  std::span<const double> observed() const { return observed_; }
  std::span<const double> expected() const { return expected_; }

 private:
  struct Second {
    std::vector<double> observed;
    std::vector<double> expected;
  };

  std::array<Second, kSeconds> seconds_;
  size_t next_ = 0;
  size_t filled_ = 0;
  std::vector<double> observed_;
  std::vector<double> expected_;
};

// The value that chi-square with `degrees` passes with probability exp(-nats), by Wilson and
// Hilferty's approximation.
double ChiSquareBound(double degrees, double nats);

}  // namespace evenkeel

#endif  // CONTROL_WATCH_WINDOW_TEST_H_
