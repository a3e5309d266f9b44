#include "control/canary/slice.h"

#include <algorithm>

namespace evenkeel {
namespace {

constexpr int kWidening = 5;

// One to one on the numbers of `bits` bits: odd factors and shifts to the right, by one bit at
// least, can be undone.
uint32_t Permute(uint32_t number, int bits) {
  const uint32_t mask = (uint32_t{1} << bits) - 1;
  for (const uint32_t factor : {0x9e3779b1u, 0x85ebca6bu, 0xc2b2ae35u}) {
    number = number * factor & mask;
    number ^= number >> std::max(bits / 2, 1);
  }
  return number;
}

}  // namespace

bool IsInSlice(uint32_t slot, int slots_log2, int percent) {
  const uint64_t slots = uint64_t{1} << slots_log2;
  return Permute(slot, slots_log2) < slots * static_cast<uint64_t>(percent) / 100;
}

int NextCanaryPercent(int percent) { return std::min(100, percent * kWidening); }

std::vector<int> CanaryStages(int first_percent) {
  std::vector<int> stages = {first_percent};
  while (stages.back() < 100) stages.push_back(NextCanaryPercent(stages.back()));
  return stages;
}

}  // namespace evenkeel
