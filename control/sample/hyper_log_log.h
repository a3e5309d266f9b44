// How many distinct things were seen, in a kilobyte: HyperLogLog (Flajolet, Fusy, Gandouet,
// Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", AofA
// 2007), with its linear counting for few, and 64-bit hashes, which need no correction for many.
//
//   HyperLogLog clients;
//   clients.Add(hash); ... clients.Estimate();
//
// The standard error is 3.25 %. A value; one thread.
#ifndef CONTROL_SAMPLE_HYPER_LOG_LOG_H_
#define CONTROL_SAMPLE_HYPER_LOG_LOG_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace evenkeel {

class HyperLogLog {
 public:
  // 64 bits, each as good as random.
  void Add(uint64_t hash) {
    uint8_t& reg = registers_[hash >> (64 - kBits)];
    // The bit set last bounds the rank of what has only zeros.
    const uint64_t rest = hash << kBits | uint64_t{1} << (kBits - 1);
    reg = std::max(reg, static_cast<uint8_t>(std::countl_zero(rest) + 1));
  }

  double Estimate() const {
    double sum = 0;
    int empty = 0;
    for (const uint8_t reg : registers_) {
      sum += std::ldexp(1.0, -reg);
      if (reg == 0) ++empty;
    }
    const double estimate = kAlpha * kRegisters * kRegisters / sum;
    if (estimate <= 2.5 * kRegisters && empty > 0) {
      return kRegisters * std::log(static_cast<double>(kRegisters) / empty);
    }
    return estimate;
  }

  void Clear() { registers_.fill(0); }

 private:
  static constexpr int kBits = 10;
  static constexpr int kRegisters = 1 << kBits;
  static constexpr double kAlpha = 0.7213 / (1 + 1.079 / kRegisters);

  std::array<uint8_t, kRegisters> registers_{};
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_HYPER_LOG_LOG_H_
