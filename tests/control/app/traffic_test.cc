#include "control/metrics/traffic.h"

#include <gtest/gtest.h>

#include "tests/control/publish/fake_sink.h"

namespace evenkeel {
namespace {

constexpr uint64_t kService = 1;

StatsSnapshot Counting(uint64_t first, uint64_t second, uint64_t uptime_s) {
  StatsSnapshot stats;
  stats.received = first + second;
  stats.uptime_ns = uptime_s * 1'000'000'000;
  stats.reasons = {first + second};
  stats.flows = {{kService, 10, first, 60 * first, first},
                 {kService, 20, second, 60 * second, second}};
  return stats;
}

class TrafficTest : public testing::Test {
 protected:
  TrafficTest() { plane_.Connect(); }
  void SampleAt(int64_t second, uint64_t first, uint64_t second_backend, uint64_t uptime_s) {
    plane_.SetStats(Counting(first, second_backend, uptime_s));
    traffic_.Sample(absl::FromUnixSeconds(second));
  }
  FakeSink plane_;
  Traffic traffic_{{&plane_}};
};

TEST_F(TrafficTest, TellsThePlanesTotals) {
  plane_.SetStats(Counting(30, 70, 5));
  const TrafficNow now = traffic_.Now();
  EXPECT_EQ(now.received, 100u);
  EXPECT_EQ(now.flows.at({kService, 20}).packets, 70u);
  EXPECT_EQ(now.flows.at({kService, 20}).bytes, 4200u);
  EXPECT_FALSE(now.recent.Share(kService, 10)) << "nothing is known of before";
}

TEST_F(TrafficTest, SharesTheNewFlowsOfTheLastTenSeconds) {
  SampleAt(0, 1'000'000, 0, 100);  // long ago, all to the first
  for (int64_t second = 1; second <= 11; ++second) SampleAt(second, 1'000'000, 0, 100 + second);
  plane_.SetStats(Counting(1'000'025, 75, 112));
  const TrafficNow now = traffic_.Now();
  EXPECT_DOUBLE_EQ(*now.recent.Share(kService, 10), 0.25);
  EXPECT_DOUBLE_EQ(*now.recent.Share(kService, 20), 0.75);
  EXPECT_FALSE(now.recent.Share(2, 10)) << "another service";
}

TEST_F(TrafficTest, SaysNothingOfSharesBelowAHundredFlows) {
  SampleAt(0, 0, 0, 1);
  plane_.SetStats(Counting(99, 0, 2));
  EXPECT_FALSE(traffic_.Now().recent.Share(kService, 10));
  plane_.SetStats(Counting(100, 0, 2));
  EXPECT_DOUBLE_EQ(*traffic_.Now().recent.Share(kService, 10), 1);
  EXPECT_DOUBLE_EQ(*traffic_.Now().recent.Share(kService, 20), 0);
}

TEST_F(TrafficTest, TellsTheRateOfNewFlowsByThePlanesClock) {
  plane_.SetStats(Counting(30, 70, 5));
  EXPECT_FALSE(traffic_.Now().recent.Rate(kService)) << "nothing is known of before";
  SampleAt(1000, 1000, 0, 50);
  plane_.SetStats(Counting(1200, 100, 54));
  EXPECT_DOUBLE_EQ(*traffic_.Now().recent.Rate(kService), 75);
  EXPECT_DOUBLE_EQ(*traffic_.Now().recent.Rate(2), 0);
}

TEST_F(TrafficTest, StartsAfreshWithAPlaneThatDid) {
  SampleAt(0, 5000, 5000, 100);
  plane_.SetStats(Counting(150, 0, 1));
  EXPECT_FALSE(traffic_.Now().recent.Share(kService, 10)) << "counters went back";
  traffic_.Sample(absl::FromUnixSeconds(1));
  plane_.SetStats(Counting(150, 200, 2));
  EXPECT_DOUBLE_EQ(*traffic_.Now().recent.Share(kService, 20), 1);
}

TEST_F(TrafficTest, DoesNotTakeAnAbsenceForZero) {
  SampleAt(0, 5000, 5000, 100);
  plane_.Disconnect();
  traffic_.Sample(absl::FromUnixSeconds(1));
  plane_.Connect();
  EXPECT_FALSE(traffic_.Now().recent.Share(kService, 10));
}

TEST_F(TrafficTest, RemembersSinceWhenAPlaneAlarms) {
  StatsSnapshot stats = Counting(0, 0, 1);
  stats.alarms = {"worker 1 hangs"};
  plane_.SetStats(stats);
  traffic_.Sample(absl::FromUnixSeconds(7));
  traffic_.Sample(absl::FromUnixSeconds(8));
  ASSERT_EQ(traffic_.Now().alarms.size(), 1u);
  EXPECT_EQ(traffic_.Now().alarms[0].since, absl::FromUnixSeconds(7));
}

}  // namespace
}  // namespace evenkeel
