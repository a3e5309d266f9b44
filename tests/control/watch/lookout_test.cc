// The watch over a pipeline and a plane whose counters the test sets.
#include "control/watch/lookout.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "control/metrics/prometheus.h"
#include "control/watch/table_shares.h"
#include "tests/control/app/change_rig.h"
#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

class LookoutTest : public testing::Test, protected ChangeRig {
 protected:
  LookoutTest() {
    traffic_.Observe([this](const TrafficNow& now, absl::Time at) { lookout_.See(now, at); });
    EXPECT_FALSE(Now(Text({100, 100, 100})).refusal);
    Count({0, 0, 0});
  }

  // A second in which the backends of `http` got so many flows of five packets.
  void Count(const std::vector<uint64_t>& flows, int seconds = 1) {
    for (int i = 0; i < seconds; ++i) {
      stats_.uptime_ns += 1'000'000'000;
      stats_.flows.resize(flows.size());
      for (uint8_t b = 0; b < flows.size(); ++b) {
        FlowCount& count = stats_.flows[b];
        count.service_id = NameId("http");
        count.backend_id = BackendId(MapIpv4({10, 0, 1, static_cast<uint8_t>(11 + b)}));
        count.new_flows += flows[b];
        count.packets += 5 * flows[b];
      }
      plane_.SetStats(stats_);
      traffic_.Sample(at_ += absl::Seconds(1));
    }
  }
  std::vector<WatchAlarm> Alarms() { return traffic_.Now().watch.alarms; }

  StatsSnapshot stats_;
  absl::Time at_ = absl::FromUnixSeconds(1'790'000'000);
  std::vector<AlarmEvent> events_;
  Traffic traffic_{{&plane_}};
  Lookout lookout_{pipeline_.get(), &traffic_,
                   [this](const AlarmEvent& event) { events_.push_back(event); }};
};

TEST(TableSharesTest, NewFlowsGoByTheNewTableOfAServiceThatIsOnItsWay) {
  ImageSpec spec = SmallSpec();
  spec.services[0].former = FormerSpec{.pool = 1};
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(SharesOf(*image).at(NameId("http4"))->size(), 3u) << "those of the pool web";
}

TEST_F(LookoutTest, TrafficThatFollowsTheTableIsQuiet) {
  Count({100, 100, 100}, 60);
  EXPECT_TRUE(Alarms().empty());
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(traffic_.Now().watch.seconds, 60u);
}

TEST_F(LookoutTest, RaisesToldOnceAndCleared) {
  Count({100, 100, 100}, 60);
  Count({300, 20, 20}, 5);
  ASSERT_EQ(Alarms().size(), 3u);
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_TRUE(events_[0].is_raised);
  EXPECT_EQ(events_[0].alarm.service, "http");
  EXPECT_EQ(events_[0].alarm.backend, "web/b1");
  Count({100, 100, 100}, 40);
  EXPECT_TRUE(Alarms().empty());
  ASSERT_EQ(events_.size(), 6u);
  EXPECT_FALSE(events_[3].is_raised);
}

TEST_F(LookoutTest, SaysThatTheTablesAreAsPublishedWhereAnAuditFindsThemSo) {
  Count({300, 20, 20}, 5);
  ASSERT_FALSE(Alarms().empty());
  EXPECT_EQ(Alarms()[0].rule, "F34");
  EXPECT_TRUE(absl::StrContains(Alarms()[0].message, "are as published")) << Alarms()[0].message;
}

TEST_F(LookoutTest, NamesATableThatWasChangedBehindItsBack) {
  absl::StatusOr<PlaneAudit> audit = plane_.Audit(absl::Seconds(1));
  audit->faults = {"table 0: slot 17 names 10.0.1.11"};
  plane_.SetAudit(*audit);
  Count({300, 20, 20}, 5);
  ASSERT_FALSE(Alarms().empty());
  EXPECT_EQ(Alarms()[0].rule, "F55");
  EXPECT_TRUE(absl::StrContains(Alarms()[0].message, "slot 17")) << Alarms()[0].message;
}

TEST_F(LookoutTest, AChangeOfWeightsRaisesNothing) {
  Count({100, 100, 100}, 20);
  ASSERT_FALSE(Now(Text({100, 100, 400})).refusal);
  Count({70, 70, 160});  // swapped within this second
  Count({50, 50, 200}, 20);
  ASSERT_FALSE(Now(Text({100, 100})).refusal);
  Count({150, 150, 0}, 20);
  EXPECT_TRUE(events_.empty());
  EXPECT_GE(traffic_.Now().watch.seconds, 40u);
}

TEST_F(LookoutTest, ATrialThatGoesBackByItselfRaisesNothing) {
  Count({100, 100, 100}, 20);
  ASSERT_FALSE(Try(Text({100, 100, 400})).refusal);
  Count({50, 50, 200}, 20);
  plane_.PassDeadline();
  Count({100, 100, 100});  // control does not know it yet
  Advance(absl::Minutes(10));
  Count({100, 100, 100}, 20);
  EXPECT_TRUE(events_.empty());
}

TEST_F(LookoutTest, APlaneThatStartsAnewRaisesNothing) {
  Count({1000, 1000, 1000}, 20);
  stats_ = {};
  Count({10, 10, 10}, 20);
  EXPECT_TRUE(events_.empty());
}

TEST_F(LookoutTest, AGenerationThatCameAndWentUnseenMakesNoSecond) {
  Count({100, 100, 100}, 20);
  const uint64_t seconds = traffic_.Now().watch.seconds;
  ASSERT_FALSE(Now(Text({100, 100, 400})).refusal);
  ASSERT_FALSE(Now(Text({100, 100, 100})).refusal);
  Count({3000, 3000, 12'000});
  EXPECT_EQ(traffic_.Now().watch.seconds, seconds);
  Count({100, 100, 100}, 20);
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(traffic_.Now().watch.seconds, seconds + 20);
}

TEST_F(LookoutTest, AlarmsOfThePipelineAndOfPlanesAreToldToo) {
  stats_.alarms = {"worker 1 hangs"};
  Count({100, 100, 100}, 2);
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].alarm.rule, "plane");
  stats_.alarms.clear();
  Count({100, 100, 100});
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_FALSE(events_[1].is_raised);
}

TEST_F(LookoutTest, MetricsTellOfAlarmsAndTrials) {
  Count({100, 100, 100}, 20);
  std::string text = MetricsText(*pipeline_, traffic_.Now());
  EXPECT_TRUE(absl::StrContains(
      text, "evenkeel_distribution_alarm{service=\"http\",backend=\"web/b1\"} 0\n"));
  EXPECT_TRUE(absl::StrContains(text, "evenkeel_trial_active 0\n"));
  EXPECT_TRUE(absl::StrContains(text, "evenkeel_watched_seconds_total 20\n"));
  ASSERT_FALSE(Try(Text({100, 100, 90})).refusal);
  Count({300, 20, 20}, 8);
  text = MetricsText(*pipeline_, traffic_.Now());
  EXPECT_TRUE(absl::StrContains(
      text, "evenkeel_distribution_alarm{service=\"http\",backend=\"web/b1\"} 1\n"));
  EXPECT_TRUE(absl::StrContains(text, "evenkeel_trial_active 1\n"));
  EXPECT_TRUE(absl::StrContains(text, "evenkeel_alarms{rule=\"F34\"} 3\n")) << text;
}

}  // namespace
}  // namespace evenkeel
