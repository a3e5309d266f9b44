// The seed of a test that draws at random: another one each run, EVENKEEL_SEED to repeat one. It is
// printed. What such a test expects holds for every seed; that it has been everywhere is expected
// of a fixed one.
#ifndef TESTS_SUPPORT_SEED_H_
#define TESTS_SUPPORT_SEED_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace evenkeel {

inline uint32_t TestSeed() {
  const char* given = std::getenv("EVENKEEL_SEED");
  const uint32_t seed = given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10))
                                         : std::random_device{}();
  std::printf("EVENKEEL_SEED=%u\n", seed);
  return seed;
}

}  // namespace evenkeel

#endif  // TESTS_SUPPORT_SEED_H_
