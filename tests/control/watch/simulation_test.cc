// Months of simulated seconds through the code that ships: what is found how soon, and what never.
//
// EVENKEEL_WATCH_MONTHS=10 runs ten months of each kind of traffic instead of one of the plain kind
// and a day of the others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "control/watch/split_watch.h"
#include "tests/control/watch/traffic_model.h"

namespace evenkeel {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kMonth = 30 * kDay;
constexpr size_t kBackends = 20;

uint64_t Seed() {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

SplitSecond FirstSecond() {
  SplitSecond second{.at = absl::FromUnixSeconds(1'800'000'000)};
  for (uint64_t i = 0; i < kBackends; ++i) second.ids.push_back(100 + i);
  second.tables = {std::vector<double>(kBackends, 1.0 / kBackends)};
  return second;
}

int64_t SecondsOf(int64_t usual) {
  const char* months = std::getenv("EVENKEEL_WATCH_MONTHS");
  return months == nullptr ? usual : std::atoi(months) * kMonth;
}

// Alarms of so many quiet seconds.
int FalseAlarms(const TrafficShape& shape, int64_t seconds) {
  TrafficModel traffic(Seed(), shape);
  const SplitRules rules{.threshold = AlarmThreshold(kBackends), .bunched = shape.clients};
  SplitWatch split;
  SplitSecond second = FirstSecond();
  int alarms = 0;
  bool is_held = false;
  for (int64_t i = 0; i < seconds; ++i) {
    second.at += absl::Seconds(1);
    second.observed = traffic.NextSecond();
    split.Add(second, rules);
    const std::vector<SplitAlarm> now = split.Alarms();
    if (!now.empty() && !is_held) ++alarms;
    is_held = !now.empty();
  }
  return alarms;
}

TEST(WatchSimulationTest, AMonthOfAServiceRaisesNothing) {
  EXPECT_EQ(FalseAlarms({.flows = 1000}, SecondsOf(kMonth)), 0);
}

TEST(WatchSimulationTest, ADayOfRetransmittedSynsRaisesNothing) {
  EXPECT_EQ(FalseAlarms({.flows = 1000, .retransmitted = 0.15}, SecondsOf(kDay)), 0);
}

TEST(WatchSimulationTest, ADayOfClientsThatStayOnTheirBackendRaisesNothing) {
  EXPECT_EQ(FalseAlarms({.flows = 1000, .clients = true}, SecondsOf(kDay)), 0);
}

TEST(WatchSimulationTest, ADayOfTenFlowsASecondRaisesNothing) {
  EXPECT_EQ(FalseAlarms({.flows = 10}, SecondsOf(kDay)), 0);
}

TEST(WatchSimulationTest, ATwofoldOverloadIsFoundWithinThreeSeconds) {
  constexpr int kRuns = 400;
  std::mt19937_64 random(Seed());
  const SplitRules rules{.threshold = AlarmThreshold(kBackends)};
  const PoissonTable usual(50), twofold(100);
  std::vector<double> delays;
  for (int run = 0; run < kRuns; ++run) {
    TrafficModel traffic(random(), {.flows = 1000});
    SplitWatch split;
    SplitSecond second = FirstSecond();
    // The fault begins at some moment within a second, as in life.
    const double begun = 60 + std::uniform_real_distribution<>(0, 1)(random);
    const PoissonTable partly(50 * (1 + (61 - begun)));
    double found = 0;
    for (int i = 0; i < 120 && found == 0; ++i) {
      second.at += absl::Seconds(1);
      second.observed = traffic.NextSecond(i < 60 ? &usual : i == 60 ? &partly : &twofold);
      split.Add(second, rules);
      for (const SplitAlarm& alarm : split.Alarms()) {
        ASSERT_EQ(alarm.member, second.ids[0]);
        ASSERT_TRUE(alarm.above);
        found = i + 1;
      }
    }
    ASSERT_GT(found, begun) << "never found";
    delays.push_back(found - begun);
  }
  std::sort(delays.begin(), delays.end());
  std::printf("found after: median %.2f s, p99 %.2f s, worst %.2f s\n", delays[kRuns / 2],
              delays[kRuns * 99 / 100], delays.back());
  EXPECT_LE(delays[kRuns / 2], 3);
  EXPECT_LE(delays[kRuns * 99 / 100], 5);
}

}  // namespace
}  // namespace evenkeel
