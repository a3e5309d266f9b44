#include "control/watch/split_watch.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "control/watch/mixture.h"

namespace evenkeel {
namespace {

constexpr double kThreshold = 24;

// A split of four that should get a quarter each, without chance: counts are what the test says.
class SplitWatchTest : public testing::Test {
 protected:
  void Add(std::vector<uint64_t> observed, std::vector<std::vector<double>> tables = {kEven},
           int seconds = 1) {
    for (int i = 0; i < seconds; ++i) {
      at_ += absl::Seconds(1);
      split_.Add({.at = at_,
                  .ids = std::vector<uint64_t>(ids_.begin(), ids_.begin() + observed.size()),
                  .observed = observed,
                  .tables = tables},
                 rules_);
    }
  }

  static inline const std::vector<double> kEven = {0.25, 0.25, 0.25, 0.25};
  const std::vector<uint64_t> ids_ = {7, 8, 9, 10, 11};
  SplitRules rules_{.threshold = kThreshold};
  absl::Time at_ = absl::FromUnixSeconds(1'800'000'000);
  SplitWatch split_;
};

TEST_F(SplitWatchTest, SaysNothingOfAnEvenSplit) {
  Add({250, 250, 250, 250}, {kEven}, 1000);
  EXPECT_TRUE(split_.Alarms().empty());
}

TEST_F(SplitWatchTest, ToleratesWhatIsWithinFivePercent) {
  Add({255, 245, 255, 245}, {kEven}, 10'000);
  EXPECT_TRUE(split_.Alarms().empty());
}

TEST_F(SplitWatchTest, NamesTheMemberTheDirectionAndTheBeginning) {
  Add({250, 250, 250, 250}, {kEven}, 100);
  const absl::Time begun = at_;
  Add({250, 400, 175, 175}, {kEven}, 3);
  bool named = false;
  for (const SplitAlarm& alarm : split_.Alarms()) {
    if (alarm.member != 8) continue;
    named = true;
    EXPECT_TRUE(alarm.above);
    EXPECT_EQ(alarm.since, begun);
    EXPECT_GE(alarm.strength, 1);
    EXPECT_DOUBLE_EQ(alarm.expected, 0.25);
    EXPECT_GT(alarm.observed, 0.28);
  }
  EXPECT_TRUE(named);
}

TEST_F(SplitWatchTest, NamesAMemberThatGetsNothing) {
  Add({250, 250, 250, 250}, {kEven}, 100);
  Add({333, 333, 334, 0}, {kEven}, 3);
  ASSERT_FALSE(split_.Alarms().empty());
  EXPECT_EQ(split_.Alarms().back().member, 10u);
  EXPECT_FALSE(split_.Alarms().back().above);
}

TEST_F(SplitWatchTest, ATenfoldSurgeIsNoDeviation) {
  Add({25, 25, 25, 25}, {kEven}, 100);
  Add({250, 250, 250, 250}, {kEven}, 100);
  EXPECT_TRUE(split_.Alarms().empty());
}

TEST_F(SplitWatchTest, HoldsForTenSecondsAndClearsWhenItIsOver) {
  Add({250, 250, 250, 250}, {kEven}, 100);
  Add({700, 100, 100, 100}, {kEven}, 5);
  ASSERT_FALSE(split_.Alarms().empty());
  Add({250, 250, 250, 250}, {kEven}, 4);
  EXPECT_FALSE(split_.Alarms().empty()) << "held";
  Add({250, 250, 250, 250}, {kEven}, 26);
  EXPECT_TRUE(split_.Alarms().empty());
}

TEST_F(SplitWatchTest, StaysWhileTheDeviationStays) {
  Add({700, 100, 100, 100}, {kEven}, 1000);
  EXPECT_EQ(split_.Alarms().size(), 4u);
  // Without traffic nothing is known to be over.
  Add({0, 0, 0, 0}, {kEven}, 1000);
  EXPECT_EQ(split_.Alarms().size(), 4u);
}

TEST_F(SplitWatchTest, AFaultThatComesAndGoesIsFoundAsSoonEachTime) {
  int first = 0;
  for (int i = 0; i < 30; ++i) {
    Add({250, 250, 250, 250}, {kEven}, 40);
    ASSERT_TRUE(split_.Alarms().empty()) << i;
    int took = 0;
    for (; split_.Alarms().empty() && took < 60; ++took) Add({150, 350, 250, 250});
    if (i == 0) first = took;
    EXPECT_EQ(took, first) << i;
    Add({150, 350, 250, 250}, {kEven}, 15);
  }
}

// As long as the dispersion's longest blocks.
TEST_F(SplitWatchTest, ALongFaultThatComesAndGoesIsFoundAsSoonEachTime) {
  int first = 0;
  for (int i = 0; i < 10; ++i) {
    Add({250, 250, 250, 250}, {kEven}, 64);
    ASSERT_TRUE(split_.Alarms().empty()) << i;
    int took = 0;
    for (; split_.Alarms().empty() && took < 60; ++took) Add({210, 290, 250, 250});
    if (i == 0) first = took;
    EXPECT_EQ(took, first) << i;
    Add({210, 290, 250, 250}, {kEven}, 64 - took);
  }
}

// Every quarter of a minute other members get more than their share.
TEST_F(SplitWatchTest, WhatGoesOnVaryingSlowlyIsLearntInTheEnd) {
  std::mt19937 random(1);
  const auto vary = [&](int quarters) {
    int alarmed = 0;
    for (int i = 0; i < quarters; ++i) {
      std::vector<uint64_t> observed(4);
      for (uint64_t& of_member : observed) of_member = random() % 2 == 0 ? 200 : 300;
      for (int second = 0; second < 15; ++second) {
        Add(observed);
        alarmed += split_.Alarms().empty() ? 0 : 1;
      }
    }
    return alarmed;
  };
  Add({250, 250, 250, 250}, {kEven}, 300);
  EXPECT_GT(vary(4), 0);
  vary(160);
  EXPECT_EQ(vary(200), 0);
}

// Clients begin to open twenty connections at once, each on one member: an alarm at first, then
// learnt.
TEST_F(SplitWatchTest, WhatGoesOnVaryingIsLearntInTheEnd) {
  std::mt19937 random(1);
  const auto vary = [&](int seconds) {
    int alarmed = 0;
    for (int i = 0; i < seconds; ++i) {
      std::vector<uint64_t> observed(4);
      for (int client = 0; client < 100; ++client) observed[random() % 4] += 20;
      Add(observed);
      alarmed += split_.Alarms().empty() ? 0 : 1;
    }
    return alarmed;
  };
  Add({500, 500, 500, 500}, {kEven}, 300);
  EXPECT_GT(vary(60), 0);
  vary(1000);
  EXPECT_EQ(vary(10'000), 0);
}

TEST_F(SplitWatchTest, ASecondOfTwoTablesIsExplainedByBoth) {
  const std::vector<double> next = {0.7, 0.1, 0.1, 0.1};
  for (const double part : {0.0, 0.1, 0.37, 0.5, 0.9, 1.0}) {
    Add({250, 250, 250, 250}, {kEven}, 10);
    const auto mix = [&](size_t i) {
      return static_cast<uint64_t>(1000 * (part * next[i] + (1 - part) * kEven[i]));
    };
    Add({mix(0), mix(1), mix(2), mix(3)}, {kEven, next});
    Add({700, 100, 100, 100}, {next}, 20);
    EXPECT_TRUE(split_.Alarms().empty()) << part;
  }
}

TEST_F(SplitWatchTest, WhatNeitherTableExplainsIsFound) {
  const std::vector<double> next = {0.7, 0.1, 0.1, 0.1};
  Add({100, 100, 100, 700}, {kEven, next}, 3);
  EXPECT_FALSE(split_.Alarms().empty());
}

TEST_F(SplitWatchTest, KeepsWhatItKnowsWhenMembersComeAndGo) {
  Add({700, 100, 100, 100}, {kEven}, 5);
  ASSERT_FALSE(split_.Alarms().empty());
  Add({560, 110, 110, 110, 110}, {std::vector<double>(5, 0.2)});
  ASSERT_FALSE(split_.Alarms().empty());
  EXPECT_EQ(split_.Alarms().front().member, 7u);
}

TEST_F(SplitWatchTest, ADrainedMemberThatGetsFlowsIsNamed) {
  const std::vector<double> drained = {0.5, 0.25, 0.25, 0};
  Add({500, 250, 250, 0}, {drained}, 100);
  EXPECT_TRUE(split_.Alarms().empty());
  Add({400, 200, 200, 200}, {drained}, 3);
  ASSERT_FALSE(split_.Alarms().empty());
  EXPECT_EQ(split_.Alarms().back().member, 10u);
  EXPECT_TRUE(split_.Alarms().back().above);
}

TEST_F(SplitWatchTest, ManySmallDeviationsAreNamedTogether) {
  std::vector<uint64_t> observed;
  SplitSecond second;
  for (uint64_t i = 0; i < 100; ++i) {
    second.ids.push_back(i);
    observed.push_back(i % 2 == 0 ? 112 : 88);  // 12 %: below the smallest ratio of a member
  }
  second.observed = observed;
  second.tables = {std::vector<double>(100, 0.01)};
  for (int i = 0; i < 12; ++i) {
    second.at = at_ += absl::Seconds(1);
    split_.Add(second, rules_);
  }
  ASSERT_EQ(split_.Alarms().size(), 1u);
  EXPECT_FALSE(split_.Alarms().front().member);
  EXPECT_GE(split_.Alarms().front().strength, 1);
}

TEST(DispersionTest, IsOneForAnEvenSplitAndIgnoresAShiftedLevel) {
  Dispersion dispersion;
  const std::vector<double> variance(20, 50);
  std::vector<double> excess(20, 0);
  for (int i = 0; i < 1000; ++i) dispersion.Add(excess, variance);
  excess[0] = 50;  // twofold, from now on
  for (int i = 0; i < 100; ++i) dispersion.Add(excess, variance);
  EXPECT_LT(dispersion.value(), 1.1);
}

TEST(DispersionTest, FindsCountsThatVaryNinefold) {
  Dispersion dispersion;
  const std::vector<double> variance(20, 50);
  for (int i = 0; i < 1000; ++i) {
    // Alternating by three standard deviations each way: half the squared difference is 18.
    const double excess = (i % 2 == 0 ? 3 : -3) * std::sqrt(50.0);
    dispersion.Add(std::vector<double>(20, excess), variance);
  }
  EXPECT_NEAR(dispersion.value(), 18, 1);
}

TEST(WindowTest, ChiSquareBoundsAreThoseOfTheTablesOrALittleMore) {
  const auto expect_bound = [](double degrees, double probability, double bound) {
    EXPECT_GE(ChiSquareBound(degrees, -std::log(probability)), bound);
    EXPECT_LE(ChiSquareBound(degrees, -std::log(probability)), 1.02 * bound);
  };
  expect_bound(10, 0.01, 23.21);
  expect_bound(19, 0.001, 43.82);
  expect_bound(100, 0.001, 149.4);
}

TEST(FitSharesTest, ExpectedCountsAddUpToTheObservedOnes) {
  const std::vector<std::vector<double>> tables = {{0.5, 0.5, 0}, {0, 0.5, 0.5}};
  const std::vector<double> shares = FitShares(std::vector<uint64_t>{300, 500, 200}, tables);
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-9);
  EXPECT_NEAR(shares[0], 0.3, 1e-6);
  EXPECT_NEAR(shares[1], 0.5, 1e-6);
}

}  // namespace
}  // namespace evenkeel
