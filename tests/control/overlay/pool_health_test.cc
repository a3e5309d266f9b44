#include "control/overlay/pool_health.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

constexpr CheckVerdict kPasses{.passes = true};
constexpr CheckVerdict kRefused{.passes = false, .path_alive = true};
constexpr CheckVerdict kSilent{.passes = false, .path_alive = false};

// Four backends of weight 100, all checked and up; the clock is the test's.
class PoolHealthTest : public testing::Test {
 protected:
  PoolHealthTest() {
    rules_.checked = true;
    Configure({100, 100, 100, 100});
    for (int i = 0; i < 4; i++) Take(i, kPasses);
  }

  static Address Name(int i) { return MapIpv4({10, 0, 0, static_cast<uint8_t>(i)}); }

  void Configure(const std::vector<uint32_t>& weights) {
    std::vector<PoolHealthMember> members;
    for (size_t i = 0; i < weights.size(); i++) {
      members.push_back({Name(static_cast<int>(i)), weights[i]});
    }
    health_.SetMembers(rules_, members, now_);
    health_.Advance(now_);
  }
  bool Take(int i, const CheckVerdict& verdict) {
    health_.Take(Name(i), verdict, now_);
    return health_.Advance(now_);
  }
  // Lets time pass, doing what falls due on the way.
  void Pass(absl::Duration time) {
    const absl::Time end = now_ + time;
    for (absl::Time due = health_.NextChange(now_); due <= end; due = health_.NextChange(now_)) {
      now_ = due;
      health_.Advance(now_);
    }
    now_ = end;
    health_.Advance(now_);
  }
  lb_backend_state State(int i) { return health_.Of(Name(i)).state; }
  int Steps(int i) { return health_.Of(Name(i)).steps; }

  PoolHealthRules rules_;
  PoolHealth health_;
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(PoolHealthTest, AFailedCheckMakesSuspectAndAPassBringsBack) {
  EXPECT_TRUE(Take(1, kRefused));
  EXPECT_EQ(State(1), LB_BACKEND_SUSPECT);
  EXPECT_EQ(Steps(1), 0);
  EXPECT_EQ(Steps(0), LB_RAMP_STEPS);
  EXPECT_TRUE(Take(1, kPasses));
  EXPECT_EQ(State(1), LB_BACKEND_UP);
  EXPECT_EQ(Steps(1), LB_RAMP_STEPS);
  EXPECT_FALSE(Take(1, kPasses)) << "nothing is new";
}

TEST_F(PoolHealthTest, BecomesDeadOnlyWhenTheHoldIsOverAndThePathIsSilent) {
  Take(1, kSilent);
  Pass(absl::Seconds(29));
  EXPECT_EQ(State(1), LB_BACKEND_SUSPECT);
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(1), LB_BACKEND_DEAD);
  Take(1, kRefused);
  EXPECT_EQ(State(1), LB_BACKEND_SUSPECT) << "it answers, if only with a refusal";
  Take(1, kPasses);
  EXPECT_EQ(State(1), LB_BACKEND_UP);
}

TEST_F(PoolHealthTest, WhoFailsOnlyItsCheckIsNeverDead) {
  Take(1, kRefused);
  Pass(absl::Hours(5));
  EXPECT_EQ(State(1), LB_BACKEND_SUSPECT);
  Take(1, kSilent);
  EXPECT_EQ(State(1), LB_BACKEND_DEAD) << "the hold was over long ago";
}

TEST_F(PoolHealthTest, FreezesAtTheFloorWhoeverFails) {
  Take(0, kRefused);
  Take(1, kRefused);
  EXPECT_FALSE(health_.alarm()) << "half is the floor, and is kept";
  Take(2, kSilent);
  Take(3, kSilent);
  ASSERT_TRUE(health_.alarm());
  EXPECT_EQ(health_.alarm()->healthy_percent, 0u);
  EXPECT_EQ(health_.alarm()->floor_percent, 50u);
  Pass(absl::Hours(1));
  EXPECT_EQ(Steps(0), 0);
  EXPECT_EQ(Steps(1), 0);
  EXPECT_EQ(Steps(2), LB_RAMP_STEPS);
  EXPECT_EQ(Steps(3), LB_RAMP_STEPS);
  EXPECT_EQ(State(2), LB_BACKEND_UP) << "frozen: nobody is declared dead";
}

TEST_F(PoolHealthTest, ThawsTenPointsAboveTheFloorAfterAMinute) {
  for (int i = 0; i < 3; i++) Take(i, kRefused);
  ASSERT_TRUE(health_.alarm());
  Take(0, kPasses);
  Pass(absl::Minutes(5));
  EXPECT_TRUE(health_.alarm()) << "50 % pass: not ten points above the floor";
  EXPECT_EQ(Steps(0), 0) << "who is out stays out while one that is in passes";
  Take(1, kPasses);
  Pass(absl::Seconds(59));
  EXPECT_TRUE(health_.alarm());
  Pass(absl::Seconds(1));
  EXPECT_FALSE(health_.alarm());
  EXPECT_EQ(Steps(0), LB_RAMP_STEPS);
  EXPECT_EQ(Steps(1), LB_RAMP_STEPS);
  EXPECT_EQ(Steps(2), 0) << "it still fails, and the floor is kept without it";
}

TEST_F(PoolHealthTest, AFrozenPoolLetsTheOnlyOneThatPassesIn) {
  for (int i = 0; i < 4; i++) Take(i, kRefused);
  ASSERT_TRUE(health_.alarm());
  ASSERT_EQ(Steps(0), 0);
  Take(0, kPasses);
  EXPECT_EQ(Steps(0), LB_RAMP_STEPS);
}

TEST_F(PoolHealthTest, TheLastOneIsNeverTakenAway) {
  rules_.min_healthy_percent = 0;
  Configure({100, 100, 100, 100});
  for (int i = 0; i < 4; i++) Take(i, kSilent);
  Pass(absl::Hours(1));
  EXPECT_EQ(Steps(3), LB_RAMP_STEPS);
  EXPECT_TRUE(health_.alarm());
}

TEST_F(PoolHealthTest, DrainedBackendsCountNeitherForTheFloorNorAgainstIt) {
  Configure({0, 0, 100, 100});
  Take(0, kRefused);
  Take(1, kRefused);
  EXPECT_FALSE(health_.alarm());
  EXPECT_EQ(State(0), LB_BACKEND_SUSPECT);
  Take(2, kRefused);
  EXPECT_FALSE(health_.alarm()) << "one of two is half";
  Take(3, kRefused);
  EXPECT_TRUE(health_.alarm());
  EXPECT_EQ(State(3), LB_BACKEND_UP);
}

TEST_F(PoolHealthTest, WithoutAFirstVerdictABackendIsOut) {
  Configure({100, 100, 100, 100, 100});
  EXPECT_EQ(Steps(4), 0);
  EXPECT_TRUE(health_.Of(Name(4)).unchecked);
  Take(0, kRefused);
  Take(1, kRefused);
  EXPECT_FALSE(health_.alarm()) << "the floor does not know the new one yet";
  Take(4, kPasses);
  EXPECT_EQ(Steps(4), LB_RAMP_STEPS);
}

TEST_F(PoolHealthTest, APoolOfWhichNothingIsKnownIsIn) {
  health_ = PoolHealth();
  Configure({100, 100});
  Configure({100, 100, 100});
  for (int i = 0; i < 3; i++) EXPECT_EQ(Steps(i), LB_RAMP_STEPS) << i;
  Take(0, kPasses);
  for (int i = 0; i < 3; i++)
    EXPECT_EQ(Steps(i), LB_RAMP_STEPS) << "a verdict says nothing of " << i;
}

TEST_F(PoolHealthTest, WhoFailsOftenComesBackLater) {
  for (int n = 0; n < 2; n++) {
    Take(1, kRefused);
    Pass(absl::Seconds(4));
    Take(1, kPasses);
    ASSERT_EQ(Steps(1), LB_RAMP_STEPS) << n;
  }
  absl::Duration expected = FlapDamper::kFirstWait;
  for (int n = 0; n < 8; n++) {
    Take(1, kRefused);
    Take(1, kPasses);
    ASSERT_EQ(Steps(1), 0);
    ASSERT_EQ(health_.Of(Name(1)).held_until, now_ + expected);
    const absl::Time begun = now_;
    while (Steps(1) == 0) {
      ASSERT_LT(health_.NextChange(now_), absl::InfiniteFuture());
      now_ = health_.NextChange(now_);
      health_.Advance(now_);
    }
    EXPECT_LE(now_ - begun, expected) << "or sooner, as old failures are forgotten";
    if (n < 3) {
      EXPECT_EQ(now_ - begun, expected);
    }
    expected = std::min(expected * 2, FlapDamper::kLongestWait);
    if (n >= 4) break;
  }
  Pass(absl::Hours(1));
  Take(1, kRefused);
  Take(1, kPasses);
  EXPECT_EQ(Steps(1), LB_RAMP_STEPS) << "what was long ago is forgotten";
}

TEST_F(PoolHealthTest, SlowStartGoesInEightSteps) {
  rules_.slow_start = absl::Seconds(70);
  Configure({100, 100, 100, 100});
  Take(1, kRefused);
  Take(1, kPasses);
  for (int steps = 1; steps <= 8; steps++) {
    EXPECT_EQ(Steps(1), steps);
    EXPECT_EQ(Steps(0), 8);
    if (steps < 8) {
      EXPECT_EQ(health_.NextChange(now_), now_ + absl::Seconds(10));
    }
    Pass(absl::Seconds(10));
  }
  EXPECT_EQ(health_.NextChange(now_), absl::InfiniteFuture());
}

TEST_F(PoolHealthTest, AddedAndUndrainedBackendsStartSlowlyButAFirstPoolDoesNot) {
  rules_.slow_start = absl::Seconds(70);
  Configure({100, 100, 100, 100});
  EXPECT_EQ(Steps(0), 8);
  Configure({100, 100, 100, 0, 100});
  Take(4, kPasses);
  EXPECT_EQ(Steps(4), 1);
  Configure({100, 100, 100, 100, 100});
  EXPECT_EQ(Steps(3), 1) << "undrained";
  Pass(absl::Seconds(70));
  EXPECT_EQ(Steps(3), 8);
  rules_.checked = false;
  Configure({100, 100, 100, 100, 100, 100});
  EXPECT_EQ(Steps(5), 1) << "unchecked pools start slowly too";
}

TEST_F(PoolHealthTest, AdoptsWhatThePlanesRunAndChangesNothingWithoutAVerdict) {
  rules_.slow_start = absl::Seconds(70);
  PoolHealth before;
  std::swap(before, health_);
  Configure({100, 100, 100, 100});
  health_.Adopt(Name(0), LB_BACKEND_UP, 8, now_);
  health_.Adopt(Name(1), LB_BACKEND_SUSPECT, 0, now_);
  health_.Adopt(Name(2), LB_BACKEND_DEAD, 0, now_);
  health_.Adopt(Name(3), LB_BACKEND_UP, 3, now_);
  EXPECT_FALSE(health_.Advance(now_));
  EXPECT_EQ(Steps(3), 3);
  EXPECT_EQ(State(2), LB_BACKEND_DEAD);
  Pass(absl::Seconds(9));
  EXPECT_EQ(Steps(3), 3);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Steps(3), 4);
  EXPECT_EQ(State(1), LB_BACKEND_SUSPECT) << "no verdict, no change";
  Take(1, kPasses);
  EXPECT_EQ(State(1), LB_BACKEND_UP);
}

// Whatever happens: somebody is in; unless frozen, the floor is kept; while someone passes, one who
// passes is in.
TEST_F(PoolHealthTest, AnySequenceOfVerdictsKeepsTheFloor) {
  std::mt19937 random(TestSeed());
  const auto below = [&](uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random);
  };
  for (int round = 0; round < 200; round++) {
    health_ = PoolHealth();
    const uint32_t count = 1 + below(8);
    std::vector<uint32_t> weights;
    for (uint32_t i = 0; i < count; i++) weights.push_back(1 + below(100));
    rules_.min_healthy_percent = below(101);
    rules_.slow_start = absl::Seconds(below(2) * 60);
    Configure(weights);
    uint64_t total = 0;
    for (const uint32_t weight : weights) total += weight;
    std::vector<bool> passes(count, true);
    for (int event = 0; event < 100; event++) {
      const uint32_t i = below(count);
      const CheckVerdict verdict{.passes = below(2) == 0, .path_alive = below(2) == 0};
      passes[i] = verdict.passes;
      Take(static_cast<int>(i), verdict);
      Pass(absl::Seconds(below(40)));
      uint64_t in = 0;
      bool in_passes = false;
      for (uint32_t b = 0; b < count; b++) {
        if (Steps(static_cast<int>(b)) == 0) continue;
        in += weights[b];
        in_passes = in_passes || passes[b];
      }
      ASSERT_GT(in, 0u);
      ASSERT_GE(in * 100, std::min<uint64_t>(rules_.min_healthy_percent, 100) * total);
      // Who flaps is held back for up to five minutes.
      if (!in_passes && std::ranges::count(passes, true) > 0) {
        Pass(absl::Minutes(6));
        bool any = false;
        for (uint32_t b = 0; b < count; b++) {
          any = any || (passes[b] && Steps(static_cast<int>(b)) != 0);
        }
        ASSERT_TRUE(any) << "one passes, and none that passes is in";
      }
    }
  }
}

}  // namespace
}  // namespace evenkeel
