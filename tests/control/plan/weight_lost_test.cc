#include "control/plan/weight_lost.h"

#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel {
namespace {

double Lost(std::vector<int> before, std::vector<int> after) {
  return WeightLost(HealthyWeights(Parsed(Sample{.weights = before}).pools[0]),
                    HealthyWeights(Parsed(Sample{.weights = after}).pools[0]));
}

TEST(WeightLostTest, CountsRemovalAndLowerWeightsTogether) {
  EXPECT_DOUBLE_EQ(Lost({100, 100, 100, 100}, {100, 100, 100}), 0.25);
  EXPECT_DOUBLE_EQ(Lost({100, 100, 100, 100}, {100, 100, 50, 100}), 0.125);
  EXPECT_DOUBLE_EQ(Lost({100, 100, 100, 100}, {100, 100, 50}), 0.375);
}

TEST(WeightLostTest, CountsADrainLikeARemoval) {
  Config config = Parsed(Sample{.weights = {100, 100, 100, 100}});
  const PoolWeights before = HealthyWeights(config.pools[0]);
  config.pools[0].backends[0].drain = Drain{"upgrade", TestNow()};
  EXPECT_DOUBLE_EQ(WeightLost(before, HealthyWeights(config.pools[0])), 0.25);
}

TEST(WeightLostTest, IsNothingForGrowth) {
  EXPECT_DOUBLE_EQ(Lost({100, 100}, {100, 100, 100, 100, 100, 100}), 0);
  EXPECT_DOUBLE_EQ(Lost({100, 100, 100}, {200, 100, 100}), 0);
}

TEST(WeightLostTest, IsNothingForAnotherScale) {
  EXPECT_DOUBLE_EQ(Lost({100, 200, 300}, {10, 20, 30}), 0);
  EXPECT_DOUBLE_EQ(Lost({100, 200, 300}, {1000, 2000, 3000}), 0);
}

TEST(WeightLostTest, SeesWhoWasLeftBehindByAnotherScale) {
  EXPECT_NEAR(Lost({100, 100, 100, 100, 100}, {1000, 1000, 1000, 100, 100}), 0.36, 1e-9);
  EXPECT_NEAR(Lost({100, 100, 100, 100}, {10, 10, 1, 1}), 0.45, 1e-9);
}

TEST(WeightLostTest, IsNotFooledByMostBackendsGettingLighter) {
  EXPECT_NEAR(
      Lost({100, 100, 100, 100, 100, 100, 100, 100, 100, 100}, {5, 5, 5, 5, 5, 5, 5, 5, 100, 100}),
      0.76, 1e-9);
}

TEST(WeightLostTest, IsEverythingWhenNobodyStays) {
  EXPECT_DOUBLE_EQ(Lost({100, 100}, {}), 1);
  EXPECT_DOUBLE_EQ(Lost({}, {100, 100}), 0);
}

TEST(WeightHistoryTest, AddsUpSmallSteps) {
  WeightHistory history;
  history.Add(Parsed(Sample{.weights = {100, 100, 100, 100, 100}}));
  history.Add(Parsed(Sample{.weights = {100, 100, 100, 100}}));
  const Config now = Parsed(Sample{.weights = {100, 100, 100}});
  EXPECT_DOUBLE_EQ(history.WorstLoss(now, now.pools[0]), 0.4);
}

TEST(WeightHistoryTest, LetsAFleetBeReplacedHostByHost) {
  WeightHistory history;
  history.Add(Parsed(Sample{.weights = {100, 100, 100}}));
  Config now = Parsed(Sample{.weights = {100, 100, 100}});
  now.pools[0].backends[0].address = *IpAddress::Parse("10.0.9.1");
  now.pools[0].backends[1].address = *IpAddress::Parse("10.0.9.2");
  EXPECT_DOUBLE_EQ(history.WorstLoss(now, now.pools[0]), 0);
  now.pools[0].backends.erase(now.pools[0].backends.begin());
  EXPECT_NEAR(history.WorstLoss(now, now.pools[0]), 1.0 / 3, 1e-9);
}

TEST(WeightHistoryTest, ForgetsNothingWhenPoolAndServicesAreRenamed) {
  WeightHistory history;
  history.Add(Parsed(Sample{.weights = {100, 100, 100, 100}}));
  Config now = Parsed(Sample{.weights = {100, 100}});
  now.pools[0].name = "www";
  for (Service& service : now.services) {
    service.name += "-www";
    service.pool = "www";
  }
  EXPECT_DOUBLE_EQ(history.WorstLoss(now, now.pools[0]), 0.5);
}

TEST(WeightHistoryTest, IsNotFooledByAnotherScaleInBetween) {
  WeightHistory history;
  history.Add(Parsed(Sample{.weights = {100, 100, 100, 100, 100}}));
  history.Add(Parsed(Sample{.weights = {1000, 1000, 1000, 1000}}));
  const Config now = Parsed(Sample{.weights = {1000, 1000, 1000}});
  EXPECT_DOUBLE_EQ(history.WorstLoss(now, now.pools[0]), 0.4);
}

}  // namespace
}  // namespace evenkeel
