// Flows that do not hash evenly are found, and chance is not taken for it.
//
// EVENKEEL_WATCH_DAYS=N runs so many days of quiet instead of a few hours.
#include "control/sample/slot_groups.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <vector>

#include "control/watch/split_watch.h"

namespace evenkeel {
namespace {

std::mt19937_64 Random() {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

class SlotGroupsTest : public testing::Test {
 protected:
  // Every SYN is sent again with this probability, to the same group.
  void Second(int flows, double again = 0, int only = 256) {
    std::poisson_distribution<int> count(flows);
    for (int i = count(random_); i > 0; --i) {
      uint64_t hash = random_();
      if (only < 256) hash = hash >> 8 | uint64_t(hash % only) << 56;
      groups_.Add(hash);
      if (std::uniform_real_distribution<>(0, 1)(random_) < again) groups_.Add(hash);
    }
    groups_.EndSecond(now_ += absl::Seconds(1), nats_, false);
  }

  // So many flows of each group, without chance.
  void Exactly(int of_even_groups, int of_odd_groups) {
    for (uint64_t group = 0; group < SlotGroups::kGroups; ++group) {
      AddTo(group, group % 2 == 0 ? of_even_groups : of_odd_groups);
    }
    groups_.EndSecond(now_ += absl::Seconds(1), nats_, false);
  }

  void AddTo(uint64_t group, int flows) {
    for (int i = 0; i < flows; ++i) groups_.Add(group << 56 | ++flows_);
  }

  SlotGroups groups_;
  uint64_t flows_ = 0;  // that AddTo() has made
  std::mt19937_64 random_ = Random();
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  const double nats_ = AlarmThreshold(1);
};

TEST_F(SlotGroupsTest, QuietHoursRaiseNothing) {
  const char* days = std::getenv("EVENKEEL_WATCH_DAYS");
  const int seconds = days == nullptr ? 4 * 3600 : std::atoi(days) * 24 * 3600;
  for (int i = 0; i < seconds; ++i) {
    Second(i % 3600 < 1800 ? 300 : 1500, 0.15);
    ASSERT_FALSE(groups_.alarm()) << "second " << i;
  }
}

TEST_F(SlotGroupsTest, APartOfTheHashSpaceAloneIsNamedAndClearedWhenItIsOver) {
  for (int i = 0; i < 30; ++i) Second(1000);
  ASSERT_FALSE(groups_.alarm());
  int found = 0;
  for (int i = 1; i <= 20 && found == 0; ++i) {
    Second(1000, 0, 128);
    if (groups_.alarm()) found = i;
  }
  ASSERT_GT(found, 0);
  EXPECT_LE(found, 15);
  for (int i = 0; i < 10; ++i) Second(1000, 0, 128);
  ASSERT_TRUE(groups_.alarm());
  EXPECT_EQ(groups_.alarm()->empty, 128);
  for (int i = 0; i < 40; ++i) Second(1000);
  EXPECT_FALSE(groups_.alarm());
}

// Where flows are few, chance alone is half of what is needed for an alarm.
TEST_F(SlotGroupsTest, IsClearedWhereFlowsAreFew) {
  for (int i = 0; i < 60; ++i) Second(250, 0, i < 30 ? 256 : 128);
  ASSERT_TRUE(groups_.alarm());
  for (int i = 0; i < 30; ++i) Second(250);
  EXPECT_FALSE(groups_.alarm());
}

TEST_F(SlotGroupsTest, AFaultThatComesAndGoesIsFoundAsSoonEachTime) {
  struct Fault {
    int quiet_seconds, seconds;
    int of_even_groups, of_odd_groups;  // of four
  };
  for (const Fault& fault : {Fault{64, 64, 2, 5}, Fault{28, 10, 1, 7}}) {
    groups_ = {};
    int first = 0;
    for (int i = 0; i < 10; ++i) {
      for (int second = 0; second < fault.quiet_seconds; ++second) Exactly(4, 4);
      ASSERT_FALSE(groups_.alarm()) << i;
      int took = 0;
      for (; !groups_.alarm() && took < 60; ++took) {
        Exactly(fault.of_even_groups, fault.of_odd_groups);
      }
      if (i == 0) first = took;
      EXPECT_EQ(took, first) << i;
      for (int second = took; second < fault.seconds; ++second) {
        Exactly(fault.of_even_groups, fault.of_odd_groups);
      }
    }
  }
}

// Every quarter of a minute other groups begin to get more flows than their neighbours: an alarm at
// first, then learnt.
TEST_F(SlotGroupsTest, WhatGoesOnVaryingIsLearntInTheEnd) {
  std::mt19937 random(1);
  const auto vary = [&](int quarters) {
    int alarmed = 0;
    for (int i = 0; i < quarters; ++i) {
      std::array<int, SlotGroups::kGroups> flows;
      for (int& of_group : flows) of_group = random() % 2 == 0 ? 2 : 5;
      for (int second = 0; second < 15; ++second) {
        for (size_t group = 0; group < flows.size(); ++group) AddTo(group, flows[group]);
        groups_.EndSecond(now_ += absl::Seconds(1), nats_, false);
        alarmed += groups_.alarm() ? 1 : 0;
      }
    }
    return alarmed;
  };
  for (int i = 0; i < 300; ++i) Exactly(4, 4);
  EXPECT_GT(vary(4), 0);
  vary(120);
  EXPECT_EQ(vary(120), 0);
}

TEST_F(SlotGroupsTest, WhatIsSentAgainSaysNothingOfTheHash) {
  for (int i = 0; i < 200; ++i) {
    for (int k = 0; k < 500; ++k) groups_.Add(uint64_t{77} << 56);
    Second(500);
    ASSERT_FALSE(groups_.alarm()) << "second " << i;
  }
}

// A quarter of the clients meet a backend that is dead, and send each SYN again after 1, 3 and 7
// seconds.
TEST_F(SlotGroupsTest, ADeadBackendIsNoFaultOfTheHash) {
  std::vector<std::vector<uint64_t>> sent(200);
  for (size_t i = 0; i < sent.size(); ++i) {
    for (int k = 0; k < 100; ++k) sent[i].push_back(random_());
    for (const size_t after : {0, 1, 3, 7}) {
      if (i < after) continue;
      for (const uint64_t hash : sent[i - after]) groups_.Add(hash);
    }
    Second(300);
    ASSERT_FALSE(groups_.alarm()) << "second " << i;
  }
}

TEST_F(SlotGroupsTest, TooFewFlowsSayNothing) {
  for (int i = 0; i < 60; ++i) Second(50, 0, 16);
  EXPECT_FALSE(groups_.alarm());
}

}  // namespace
}  // namespace evenkeel
