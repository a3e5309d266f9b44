// How much more than chance the counts of a split vary: by how much evidence must be divided.
//
// Independent flows vary as the binomial says (1). Retransmitted SYNs, clients that open ten
// connections at once, and services that keep a client on its backend vary more. It is estimated
// by successive differences of standardised counts, over blocks of 1, 8 and 64 seconds, from all
// members together: a level that has shifted shows in one difference only, and one faulty member
// among many hardly at all. What a fault that is found has taught in its last half minute is taken
// back, so that one that comes and goes does not hide itself either.
//
//   dispersion.Add(excess, variance);        // observed - expected, and its binomial variance
//   evidence /= dispersion.value();
//   if (fault_begins) dispersion.ForgetRecent();
//
// A value; one thread.
#ifndef CONTROL_WATCH_DISPERSION_H_
#define CONTROL_WATCH_DISPERSION_H_

#include <array>
#include <span>
#include <vector>

namespace evenkeel {

class Dispersion {
 public:
  // One second, all members in a fixed order; where the members have changed, differences begin
  // anew and what was learnt stays. Where the split is known to be at fault, only the shortest
  // blocks learn.
  void Add(std::span<const double> excess, std::span<const double> variance, bool at_fault = false);

  // What the last kRecent seconds have taught is taken back, and differences begin anew.
  void ForgetRecent();

  // At least 1.
  double value() const { return value_; }
  // Seconds of which it knows.
  int seconds() const { return seconds_; }

 private:
  static constexpr size_t kScales = 3;
  static constexpr int kRecent = 30;

  struct Known {
    double sum = 0;  // of blocks' means, faded
    double weight = 0;

    double Estimate() const;
  };
  struct Scale {
    int block;          // seconds
    double forgetting;  // of what is known, a block
    int filled = 0;
    std::vector<double> excess;
    std::vector<double> variance;
    std::vector<double> last;  // standardised counts of the block before; empty: none
    Known known;

    void Close();
    void BeginAnew(size_t members);
  };

  void Estimate();

  std::array<Scale, kScales> scales_ = {Scale{1, 1.0 / 64}, Scale{8, 1.0 / 32},
                                        Scale{64, 1.0 / 16}};
  std::array<std::array<Known, kScales>, kRecent> before_;  // each of the last seconds, in a ring
  double value_ = 1;
  int seconds_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_DISPERSION_H_
