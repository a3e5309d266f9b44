// Binary logarithm in integers, for weighted choices that must be the same on every machine.
#ifndef DATAPLANE_TABLE_LOG2_H_
#define DATAPLANE_TABLE_LOG2_H_

#include <bit>
#include <cstdint>

namespace evenkeel {

// log2(value) with 32 fractional bits, rounded down: bit by bit, by repeated squaring of the
// mantissa. `value` is at least 1.
constexpr uint64_t Log2Q32(uint64_t value) {
  const int exponent = std::bit_width(value) - 1;
  uint64_t result = static_cast<uint64_t>(exponent) << 32;
  uint64_t mantissa = value << (63 - exponent);  // in [2^63, 2^64)
  for (int bit = 31; bit >= 0; bit--) {
    mantissa = static_cast<uint64_t>((static_cast<unsigned __int128>(mantissa) * mantissa) >> 64);
    if (mantissa >> 63) {
      result |= uint64_t{1} << bit;
    } else {
      mantissa <<= 1;
    }
  }
  return result;
}

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_LOG2_H_
