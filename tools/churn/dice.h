// Random numbers of a simulation: the same seed gives the same run, on every machine.
#ifndef TOOLS_CHURN_DICE_H_
#define TOOLS_CHURN_DICE_H_

#include <cmath>
#include <cstdint>

namespace evenkeel {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t x = state_ += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  }
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(((Next() >> 32) * limit) >> 32); }
  // In (0, 1].
  double Unit() { return static_cast<double>((Next() >> 11) + 1) * 0x1.0p-53; }
  double Exponential(double mean) { return -mean * std::log(Unit()); }
  // Bounded Pareto: heavy-tailed, from `least` to `most`.
  double Pareto(double shape, double least, double most) {
    const double ratio = std::pow(least / most, shape);
    return least / std::pow(ratio + (1 - ratio) * Unit(), 1 / shape);
  }

 private:
  uint64_t state_;
};

}  // namespace evenkeel

#endif  // TOOLS_CHURN_DICE_H_
