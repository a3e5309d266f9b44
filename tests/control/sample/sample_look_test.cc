// From a plane's samples to what status and metrics tell, over a pipeline.
#include "control/sample/sample_look.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "control/metrics/prometheus.h"
#include "tests/control/app/change_rig.h"
#include "tests/control/sample/made_samples.h"

namespace evenkeel {
namespace {

class SampleLookTest : public testing::Test, protected ChangeRig {
 protected:
  SampleLookTest() { EXPECT_FALSE(Now(Text({100, 100, 100})).refusal); }

  // Seconds of ordinary connections, and beside them so many large packets of one.
  void Look(int seconds, int elephant = 0) {
    for (int second = 0; second < seconds; ++second) {
      for (int i = 0; i < 100; ++i, ++next_) {
        const uint16_t port = static_cast<uint16_t>(1024 + next_ % 50'000);
        plane_.AddSample(MakeTcpSample(next_ % 300, port, 60, true));
        plane_.AddSample(MakeTcpSample(next_ % 300, port, 400));
      }
      for (int i = 0; i < elephant; ++i) {
        lb_sample sample = MakeTcpSample(7, 55'555, 1500);
        sample.backend = 0;
        plane_.AddSample(sample);
      }
      samples_.See(at_ += absl::Seconds(1));
    }
  }
  SampleNow Told() { return traffic_.Now().samples; }

  absl::Time at_ = absl::FromUnixSeconds(1'790'000'000);
  uint32_t next_ = 0;
  Traffic traffic_{{&plane_}};
  ShadowBook shadows_{pipeline_.get()};
  SampleLook samples_{pipeline_.get(), &traffic_, &shadows_};
};

TEST_F(SampleLookTest, OrdinaryTrafficHasClientsAndNoNote) {
  Look(5);
  EXPECT_EQ(plane_.sample_every(), 1u);
  EXPECT_EQ(Told().taken, 1000u);
  ASSERT_EQ(Told().services.size(), 1u);
  EXPECT_EQ(Told().services[0].service, "http");
  EXPECT_NEAR(Told().services[0].window.clients, 300, 80);
  EXPECT_TRUE(Told().notes.empty());
}

TEST_F(SampleLookTest, AnElephantIsANoteWithItsBackendAndAMetricAndNoAlarm) {
  Look(5, 100);
  ASSERT_EQ(Told().notes.size(), 1u);
  const TrafficNote note = Told().notes[0];
  EXPECT_EQ(note.rule, "F38");
  EXPECT_EQ(note.service, "http");
  EXPECT_EQ(note.backend, "web/b1");
  EXPECT_TRUE(absl::StrContains(note.message, "10.0.0.7:55555")) << note.message;
  std::vector<WatchAlarm> alarms;
  samples_.Refine(&alarms);
  EXPECT_TRUE(alarms.empty());
  const std::string metrics = MetricsText(*pipeline_, traffic_.Now());
  EXPECT_TRUE(absl::StrContains(metrics, "evenkeel_top_flow_bytes_share{service=\"http\"} 0.7"))
      << metrics;
  Look(5);
  EXPECT_TRUE(Told().notes.empty());
}

TEST_F(SampleLookTest, AHeavyClientIsNamedInTheAlarmThatItCauses) {
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 100; ++i) {
      plane_.AddSample(MakeTcpSample(9, static_cast<uint16_t>(2000 + i), 60, true));
    }
    Look(1);
  }
  std::vector<WatchAlarm> alarms = {
      {.kind = WatchKind::kDistribution, .rule = "F34", .service = "http", .message = "Uneven"},
      {.kind = WatchKind::kFollowUp, .rule = "F41", .service = "http", .message = "Silent"}};
  samples_.Refine(&alarms);
  EXPECT_TRUE(absl::StrContains(alarms[0].message, "Uneven. One client, 10.0.0.9, makes"))
      << alarms[0].message;
  EXPECT_EQ(alarms[1].message, "Silent");
}

TEST_F(SampleLookTest, MuchTrafficIsSampledLess) {
  Look(1);
  for (int i = 0; i < 30'000; ++i) plane_.AddSample(MakeTcpSample(1, 2000, 60));
  Look(2);
  EXPECT_EQ(plane_.sample_every(), 11u);
}

TEST_F(SampleLookTest, AFullRingIsSampledLessAndItsLossesAddedUp) {
  plane_.SetSamplesLost(500);  // before anybody read
  Look(3);
  EXPECT_EQ(plane_.sample_every(), 1u);
  EXPECT_EQ(Told().lost, 0u);
  plane_.SetSamplesLost(600);
  Look(2);
  EXPECT_EQ(plane_.sample_every(), 16u);
  EXPECT_EQ(Told().lost, 100u);
}

TEST_F(SampleLookTest, APlaneThatMissesACallHasNoFullRing) {
  plane_.SetSamplesLost(500);
  Look(3);
  plane_.Disconnect();
  Look(1);
  plane_.Connect();
  Look(2);
  EXPECT_EQ(plane_.sample_every(), 1u);
  EXPECT_EQ(Told().lost, 0u);
  // What found no room while nobody read is lost, and no reason to sample less.
  plane_.Disconnect();
  Look(1);
  plane_.SetSamplesLost(550);
  plane_.Connect();
  Look(2);
  EXPECT_EQ(plane_.sample_every(), 1u);
  EXPECT_EQ(Told().lost, 50u);
}

TEST_F(SampleLookTest, APlaneThatCountsFromTheBeginningTakesNothingBack) {
  plane_.SetSamplesLost(500);
  Look(2);
  plane_.SetSamplesLost(700);
  Look(1);
  plane_.Disconnect();
  Look(1);
  plane_.SetSamplesLost(0);
  plane_.Connect();
  Look(1);
  EXPECT_EQ(Told().lost, 200u);
  plane_.SetSamplesLost(30);
  Look(1);
  EXPECT_EQ(Told().lost, 230u);
}

}  // namespace
}  // namespace evenkeel
