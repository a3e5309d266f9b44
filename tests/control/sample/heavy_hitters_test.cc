// Elephants and heavy clients are told from ordinary traffic, and by name.
#include "control/sample/heavy_hitters.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "control/sample/notes.h"
#include "tests/control/sample/made_samples.h"

namespace evenkeel {
namespace {

lb_sample Packet(uint32_t client, uint16_t port, uint16_t length, bool is_new = false) {
  lb_sample sample = MakeTcpSample(client, port, length, is_new);
  sample.backend = static_cast<uint16_t>(port % 4);
  return sample;
}

class HeavyHittersTest : public testing::Test {
 protected:
  // So many flows of so many clients, five packets each.
  void AddMice(int flows, uint32_t clients) {
    for (int i = 0; i < flows; ++i) {
      const uint32_t client = 1 + next_ % clients;
      const uint16_t port = static_cast<uint16_t>(1024 + next_ % 50'000);
      hitters_.Add(Packet(client, port, 60, true));
      for (int packet = 0; packet < 4; ++packet) hitters_.Add(Packet(client, port, 400));
      ++next_;
    }
  }
  void EndSecond() { hitters_.EndSecond(now_ += absl::Seconds(1)); }
  // Whole windows of the same second.
  template <typename Second>
  void Windows(int count, Second second) {
    for (int i = 0; i < count * 5; ++i) {
      second();
      EndSecond();
    }
  }

  HeavyHitters hitters_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  uint32_t next_ = 0;
};

TEST_F(HeavyHittersTest, OrdinaryTrafficHasNone) {
  Windows(3, [&] { AddMice(200, 300); });
  EXPECT_TRUE(hitters_.Findings().empty());
  EXPECT_NEAR(hitters_.window().clients, 300, 80);
  EXPECT_NEAR(hitters_.window().flows, 1000, 270);
  EXPECT_EQ(hitters_.window().samples, 5000u);
}

TEST_F(HeavyHittersTest, AnElephantIsNamedWithItsShareItsBackendAndSinceWhen) {
  const auto elephant = [&] {
    AddMice(100, 300);
    for (int i = 0; i < 80; ++i) hitters_.Add(Packet(7, 55'555, 1500));
  };
  Windows(1, elephant);
  ASSERT_EQ(hitters_.Findings().size(), 1u);
  HeavyFinding finding = hitters_.Findings()[0];
  const absl::Time since = finding.since;
  EXPECT_EQ(finding.kind, HeavyFinding::Kind::kFlow);
  EXPECT_EQ(finding.shares.who, "10.0.0.7:55555 -> 203.0.113.10:80/tcp");
  // 80 * 1500 of 80 * 1500 + 100 * (60 + 4 * 400) bytes; the sketch may leave a little out.
  EXPECT_NEAR(finding.shares.bytes, 0.42, 0.02);
  EXPECT_EQ(finding.shares.backend, 55'555 % 4);
  Windows(2, elephant);
  ASSERT_EQ(hitters_.Findings().size(), 1u);
  EXPECT_EQ(hitters_.Findings()[0].since, since);
  const TrafficNote note = NoteOf(finding, hitters_.window(), "web", "pool/b4");
  EXPECT_EQ(note.rule, "F38");
  EXPECT_TRUE(absl::StrContains(note.message, "42 % of the bytes")) << note.message;
  EXPECT_TRUE(absl::StrContains(note.message, "pool/b4")) << note.message;
  Windows(1, [&] { AddMice(100, 300); });
  EXPECT_TRUE(hitters_.Findings().empty());
}

TEST_F(HeavyHittersTest, AClientThatIsHalfTheTrafficIsNamed) {
  Windows(1, [&] {
    AddMice(100, 300);
    for (int i = 0; i < 100; ++i) {
      hitters_.Add(Packet(9, static_cast<uint16_t>(2000 + i), 60, true));
      for (int packet = 0; packet < 4; ++packet) {
        hitters_.Add(Packet(9, static_cast<uint16_t>(2000 + i), 400));
      }
    }
  });
  ASSERT_EQ(hitters_.Findings().size(), 1u);
  const HeavyFinding finding = hitters_.Findings()[0];
  EXPECT_EQ(finding.kind, HeavyFinding::Kind::kClient);
  EXPECT_EQ(finding.shares.who, "10.0.0.9");
  for (const double share :
       {finding.shares.bytes, finding.shares.packets, finding.shares.new_flows}) {
    EXPECT_NEAR(share, 0.5, 0.03);
  }
  const std::string why = ExplanationOf(finding, "web");
  EXPECT_TRUE(absl::StrContains(why, "10.0.0.9") && absl::StrContains(why, "F30")) << why;
  // His bytes do not explain how new flows are shared out.
  HeavyFinding few = finding;
  few.shares.new_flows = 0.01;
  EXPECT_EQ(ExplanationOf(few, "web"), "");
}

TEST_F(HeavyHittersTest, FewSamplesSayNothing) {
  Windows(2, [&] {
    for (int i = 0; i < 30; ++i) hitters_.Add(Packet(9, 2000, 1500));
  });
  EXPECT_TRUE(hitters_.Findings().empty());
}

TEST_F(HeavyHittersTest, OneOfThreeFlowsIsNoElephant) {
  Windows(2, [&] {
    for (int i = 0; i < 300; ++i) hitters_.Add(Packet(1 + i % 3, 2000, 1500));
  });
  EXPECT_TRUE(hitters_.Findings().empty());
}

// What hovers about the level is neither raised nor cleared each window.
TEST_F(HeavyHittersTest, WhatIsHeldIsHeldUntilItIsClearlyLess) {
  const auto share = [&](int packets) {
    return [this, packets] {
      AddMice(100, 300);
      for (int i = 0; i < packets; ++i) hitters_.Add(Packet(7, 55'555, 1500));
    };
  };
  Windows(1, share(30));  // 21 %
  EXPECT_TRUE(hitters_.Findings().empty());
  Windows(1, share(60));  // 35 %
  ASSERT_EQ(hitters_.Findings().size(), 1u);
  Windows(1, share(38));  // 25 %
  EXPECT_EQ(hitters_.Findings().size(), 1u);
  Windows(1, share(20));  // 15 %
  EXPECT_TRUE(hitters_.Findings().empty());
}

}  // namespace
}  // namespace evenkeel
