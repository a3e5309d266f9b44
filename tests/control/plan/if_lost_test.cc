#include "control/plan/if_lost.h"

#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel {
namespace {

Pool PoolOf(std::vector<int> weights, std::vector<uint32_t> capacities = {}) {
  Pool pool = Parsed(Sample{.weights = std::move(weights)}).pools[0];
  for (size_t i = 0; i < capacities.size(); ++i) pool.backends[i].capacity = capacities[i];
  return pool;
}

TEST(IfLostTest, SpreadsTheLossOverTheOthers) {
  const std::vector<LossEffect> effects = IfLost(PoolOf({100, 100, 100, 100}), std::nullopt);
  ASSERT_EQ(effects.size(), 5u);
  EXPECT_EQ(effects[0].lost, "web/web-1");
  EXPECT_EQ(effects[0].basis, LoadBasis::kShare);
  EXPECT_NEAR(effects[0].load, 4.0 / 3, 1e-9);
  EXPECT_EQ(effects[4].lost, "web/web-2 + web/web-3");
  EXPECT_NEAR(effects[4].load, 2, 1e-9);
}

TEST(IfLostTest, MeasuresAgainstCapacityWhereRatesAreKnown) {
  const Pool pool = PoolOf({100, 100, 200}, {1000, 400, 1000});
  const std::vector<LossEffect> effects = IfLost(pool, 1200);
  ASSERT_EQ(effects.size(), 4u);
  EXPECT_EQ(effects[0].basis, LoadBasis::kCapacity);
  EXPECT_EQ(effects[0].backend, "web/web-2");  // 400 of 400, and web-3 800 of 1000
  EXPECT_NEAR(effects[0].load, 1.0, 1e-9);
  EXPECT_EQ(effects[2].backend, "web/web-2");  // 600 of 400
  EXPECT_NEAR(effects[2].load, 1.5, 1e-9);
  EXPECT_EQ(effects[3].lost, "web/web-3 + web/web-1");
  EXPECT_NEAR(effects[3].load, 3.0, 1e-9);
}

TEST(IfLostTest, SaysThatNobodyIsLeft) {
  const std::vector<LossEffect> alone = IfLost(PoolOf({100}), std::nullopt);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].backend, "");
  const std::vector<LossEffect> pair = IfLost(PoolOf({100, 100}), std::nullopt);
  ASSERT_EQ(pair.size(), 3u);
  EXPECT_EQ(pair[2].lost, "web/web-1 + web/web-2");
  EXPECT_EQ(pair[2].backend, "");
}

TEST(IfLostTest, LeavesDrainedBackendsOut) {
  Pool pool = PoolOf({100, 100, 100});
  pool.backends[0].drain = Drain{"upgrade", TestNow()};
  EXPECT_EQ(IfLost(pool, std::nullopt).size(), 3u);
  EXPECT_EQ(ServingBackends(pool), 2u);
}

// Every set of `count` backends, tried one by one.
double WorstByBruteForce(const Pool& pool, double rate, size_t count) {
  double worst = 0;
  const size_t n = pool.backends.size();
  for (uint32_t lost = 0; lost < (1u << n); ++lost) {
    if (static_cast<size_t>(__builtin_popcount(lost)) != count) continue;
    double left = 0;
    for (size_t i = 0; i < n; ++i) left += lost >> i & 1 ? 0 : pool.backends[i].weight;
    for (size_t i = 0; i < n; ++i) {
      if (lost >> i & 1) continue;
      worst = std::max(worst, rate * pool.backends[i].weight / left / *pool.backends[i].capacity);
    }
  }
  return worst;
}

TEST(IfLostTest, FindsTheWorstSetOfAnySize) {
  uint32_t state = 12345;
  const auto next = [&state](uint32_t limit) {
    return 1 + (state = state * 1664525 + 1013904223) / 7 % limit;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<int> weights;
    std::vector<uint32_t> capacities;
    for (int i = 0; i < 7; ++i) {
      weights.push_back(static_cast<int>(next(100)));
      capacities.push_back(next(1000));
    }
    const Pool pool = PoolOf(weights, capacities);
    for (const size_t count : {0u, 1u, 2u, 3u, 6u}) {
      EXPECT_NEAR(*WorstCapacityLoad(pool, 1000, count), WorstByBruteForce(pool, 1000, count), 1e-9)
          << "round " << round << ", " << count << " lost";
    }
    EXPECT_FALSE(WorstCapacityLoad(pool, 1000, 7));
  }
}

}  // namespace
}  // namespace evenkeel
