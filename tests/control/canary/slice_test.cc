#include "control/canary/slice.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

TEST(SliceTest, HasExactlyItsShareOfEveryTable) {
  for (const int log2 : {12, 13, 16, 20}) {
    const uint32_t slots = uint32_t{1} << log2;
    for (const int percent : {1, 5, 25, 50, 100}) {
      uint64_t in = 0;
      for (uint32_t slot = 0; slot < slots; ++slot) in += IsInSlice(slot, log2, percent);
      EXPECT_EQ(in, uint64_t{slots} * static_cast<uint64_t>(percent) / 100) << log2;
    }
  }
}

TEST(SliceTest, HasExactlyItsShareOfEverySmallTable) {
  for (int log2 = 0; log2 < 12; ++log2) {
    const uint32_t slots = uint32_t{1} << log2;
    for (uint32_t percent = 1; percent <= 100; ++percent) {
      uint32_t in = 0;
      for (uint32_t slot = 0; slot < slots; ++slot) {
        in += IsInSlice(slot, log2, static_cast<int>(percent));
      }
      EXPECT_EQ(in, slots * percent / 100) << percent << " % of " << slots;
    }
  }
}

TEST(SliceTest, NestsInEveryLargerOne) {
  for (uint32_t slot = 0; slot < 65536; ++slot) {
    for (int percent = 1; percent < 100; ++percent) {
      ASSERT_LE(IsInSlice(slot, 16, percent), IsInSlice(slot, 16, percent + 1)) << slot;
    }
  }
}

// Neither a range of slots nor every n-th one has more of it: of 4,096 slots that lie together or
// in a row of steps, 5 % are 205 give or take 14.
TEST(SliceTest, IsSpreadOverTheWholeTable) {
  constexpr uint32_t kSlots = 65536, kSample = 4096;
  for (uint32_t step : {1u, 2u, 3u, 4u, 16u, 100u, 256u}) {
    for (uint32_t first = 0; first < kSlots; first += 5 * kSample) {
      int in = 0;
      for (uint32_t i = 0; i < kSample; ++i) in += IsInSlice((first + i * step) % kSlots, 16, 5);
      EXPECT_NEAR(in, 205, 100) << first << " by " << step;
    }
  }
}

TEST(SliceTest, StagesEndWithEverySlot) {
  EXPECT_EQ(CanaryStages(1), (std::vector<int>{1, 5, 25, 100}));
  EXPECT_EQ(CanaryStages(5), (std::vector<int>{5, 25, 100}));
  EXPECT_EQ(CanaryStages(10), (std::vector<int>{10, 50, 100}));
  EXPECT_EQ(CanaryStages(50), (std::vector<int>{50, 100}));
}

}  // namespace
}  // namespace evenkeel
