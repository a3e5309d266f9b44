// A frame with a few bytes changed, cut or put in, as a network or an attacker might.
#ifndef TESTS_PACKETS_MUTATE_H_
#define TESTS_PACKETS_MUTATE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>

#include "tests/packets/bytes.h"

namespace evenkeel::packets {

inline void Mutate(std::mt19937& random, Bytes& frame) {
  const auto below = [&random](size_t bound) { return random() % bound; };
  for (size_t times = below(4); times-- > 0 && !frame.empty();) {
    const size_t at = below(std::min<size_t>(frame.size(), below(4) ? 80 : frame.size()));
    switch (below(5)) {
      case 0:
        frame[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        frame[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 2:
        frame[at] = below(2) ? 0x00 : 0xff;
        break;
      case 3:
        frame.resize(below(frame.size() + 1));
        break;
      default:
        frame.insert(frame.begin() + static_cast<long>(at), below(9),
                     static_cast<uint8_t>(random()));
    }
  }
}

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_MUTATE_H_
