#include "control/validate/shares.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace evenkeel {
namespace {

Pool PoolOf(const std::vector<uint32_t>& weights, uint32_t slots) {
  Pool pool{.name = "p", .table = {.slots = slots}};
  for (size_t i = 0; i < weights.size(); ++i) {
    IpAddress::Bytes bytes{0xfd};
    bytes[14] = static_cast<uint8_t>(i >> 8);
    bytes[15] = static_cast<uint8_t>(i);
    pool.backends.push_back(
        {.name = "b" + std::to_string(i), .address = IpAddress(bytes), .weight = weights[i]});
  }
  return pool;
}

TEST(SharesTest, AreWithinOneSlotOfTheWeightsAndSumToTheTable) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<uint32_t> weights(1 + random() % 60);
    double total = 0;
    for (uint32_t& weight : weights) total += weight = 1 + random() % (1u << (random() % 21));
    const uint32_t slots = 4096u << (random() % 5);
    const std::optional<PoolShares> shares = ComputeShares(PoolOf(weights, slots));
    ASSERT_TRUE(shares);
    uint64_t sum = 0;
    double worst = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      sum += shares->slots[i];
      const double asked = slots * (weights[i] / total);
      ASSERT_LT(std::abs(shares->slots[i] - asked), 1);
      worst = std::max(worst, std::abs(shares->slots[i] - asked) / asked);
    }
    ASSERT_EQ(sum, slots);
    ASSERT_NEAR(shares->worst_error, worst, 1e-9);
    ASSERT_EQ(shares->slots[shares->lightest_backend],
              *std::min_element(shares->slots.begin(), shares->slots.end()));
  }
}

TEST(SharesTest, LeaveOutBackendsThatDrain) {
  Pool pool = PoolOf({1, 1, 2}, 4096);
  pool.backends[1].drain = Drain{.reason = "x"};
  const std::optional<PoolShares> shares = ComputeShares(pool);
  ASSERT_TRUE(shares);
  EXPECT_EQ(shares->slots, (std::vector<uint32_t>{1365, 0, 2731}));
  EXPECT_EQ(shares->lightest_backend, 0u);
}

TEST(SharesTest, AreNothingWhereNoTableCanBe) {
  EXPECT_FALSE(ComputeShares(PoolOf({1, 1}, 5000)));
  EXPECT_FALSE(ComputeShares(PoolOf({}, 4096)));
  EXPECT_FALSE(ComputeShares(PoolOf({0, 0}, 4096)));
  Pool twice = PoolOf({1, 1}, 4096);
  twice.backends[1].address = twice.backends[0].address;
  EXPECT_FALSE(ComputeShares(twice));
}

TEST(SharesTest, CountTheBuiltTableOfTheOtherFill) {
  Pool pool = PoolOf({1, 2, 7}, 65536);
  pool.table.fill = FillKind::kMaglev;
  const std::optional<PoolShares> shares = ComputeShares(pool);
  ASSERT_TRUE(shares);
  EXPECT_EQ(shares->slots[0] + shares->slots[1] + shares->slots[2], 65536u);
  EXPECT_LT(shares->worst_error, 0.05);
}

}  // namespace
}  // namespace evenkeel
