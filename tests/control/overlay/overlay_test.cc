// Random sets of backends that are out: what the overlay promises, on tables of both fills.
#include "control/overlay/overlay.h"

#include <algorithm>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

constexpr uint32_t kSlotsLog2 = 12;
constexpr int kRounds = 60;

// A pool with `count` backends, its base table, and who is how far in.
struct Pool {
  std::vector<OverlayMember> members;
  std::vector<lb_slot> base;

  std::vector<uint16_t> Owners() const { return OverlaidOwners(base, members); }
};

class OverlayTest : public testing::Test {
 protected:
  OverlayTest() : random_(TestSeed()) {}

  uint32_t Below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_);
  }

  Pool RandomPool() {
    Pool pool;
    const uint32_t count = 2 + Below(30);
    std::vector<FillBackend> backends;
    std::vector<uint16_t> leases;
    for (uint32_t i = 0; i < count; i++) {
      const uint64_t id = (uint64_t{random_()} << 32) | random_();
      const uint32_t weight = Below(2) == 0 ? 100 : 1 + Below(1000);
      backends.push_back({id, weight});
      leases.push_back(static_cast<uint16_t>(7 + 3 * i));
      pool.members.push_back({.id = id, .weight = weight, .lease = leases.back()});
    }
    absl::StatusOr<Fill> fill = BuildFill(LB_FILL_EXACT, backends, kSlotsLog2);
    // Maglev refuses where a light backend would get no slot.
    absl::StatusOr<Fill> maglev = BuildFill(LB_FILL_MAGLEV, backends, kSlotsLog2);
    if (maglev.ok() && Below(2) == 0) fill = std::move(maglev);
    pool.base = PureSlots(*fill, leases);
    return pool;
  }

  // Takes some out and some to a step of their slow start; at least one stays in.
  void Disturb(Pool& pool) {
    for (OverlayMember& member : pool.members) {
      const uint32_t choice = Below(6);
      member.steps = choice == 0   ? 0
                     : choice == 1 ? static_cast<uint8_t>(1 + Below(LB_RAMP_STEPS - 1))
                                   : LB_RAMP_STEPS;
    }
    pool.members[Below(static_cast<uint32_t>(pool.members.size()))].steps = LB_RAMP_STEPS;
  }

  static uint8_t StepsOf(const Pool& pool, uint16_t lease) {
    return std::ranges::find(pool.members, lease, &OverlayMember::lease)->steps;
  }

  std::mt19937 random_;
};

TEST_F(OverlayTest, MovesOnlySlotsOfBackendsThatAreOutOrRamping) {
  for (int round = 0; round < kRounds; round++) {
    Pool pool = RandomPool();
    Disturb(pool);
    const std::vector<uint16_t> owners = pool.Owners();
    for (size_t slot = 0; slot < owners.size(); slot++) {
      const uint16_t base = lb_slot_backend(pool.base[slot]);
      const uint8_t steps = StepsOf(pool, base);
      if (steps == LB_RAMP_STEPS || steps == 0) {
        ASSERT_EQ(owners[slot] == base, steps != 0) << "slot " << slot;
      }
      ASSERT_NE(StepsOf(pool, owners[slot]), 0) << "slot " << slot;
    }
  }
}

TEST_F(OverlayTest, RecoveryRestoresTheBaseTable) {
  for (int round = 0; round < kRounds; round++) {
    Pool pool = RandomPool();
    const std::vector<uint16_t> before = pool.Owners();
    Disturb(pool);
    for (OverlayMember& member : pool.members) member.steps = LB_RAMP_STEPS;
    EXPECT_EQ(pool.Owners(), before);
  }
}

TEST_F(OverlayTest, DoesNotDependOnTheOrderOfMembers) {
  for (int round = 0; round < kRounds; round++) {
    Pool pool = RandomPool();
    Disturb(pool);
    const std::vector<uint16_t> owners = pool.Owners();
    std::ranges::shuffle(pool.members, random_);
    ASSERT_EQ(pool.Owners(), owners);
  }
}

// One backend more or less on another node: that one's slots differ, no others.
TEST_F(OverlayTest, NodesThatDisagreeAboutOneBackendAgreeOnAllOtherSlots) {
  for (int round = 0; round < kRounds; round++) {
    Pool here = RandomPool();
    Disturb(here);
    Pool there = here;
    OverlayMember& disputed = there.members[Below(static_cast<uint32_t>(there.members.size()))];
    disputed.steps = static_cast<uint8_t>(Below(LB_RAMP_STEPS + 1));
    const std::vector<uint16_t> mine = here.Owners();
    const std::vector<uint16_t> its = there.Owners();
    const bool others_are_in = std::ranges::any_of(there.members, [&](const OverlayMember& member) {
      return member.lease != disputed.lease && member.steps == LB_RAMP_STEPS;
    });
    if (!others_are_in) continue;
    for (size_t slot = 0; slot < mine.size(); slot++) {
      if (mine[slot] == disputed.lease || its[slot] == disputed.lease) continue;
      ASSERT_EQ(mine[slot], its[slot]) << "slot " << slot;
    }
  }
}

TEST_F(OverlayTest, AStepOfASlowStartGivesSlotsAndMovesNoOther) {
  for (int round = 0; round < kRounds; round++) {
    Pool pool = RandomPool();
    Disturb(pool);
    OverlayMember& ramping = pool.members[0];
    pool.members[1].steps = LB_RAMP_STEPS;
    std::vector<uint16_t> before;
    for (uint8_t steps = 0; steps <= LB_RAMP_STEPS; steps++) {
      ramping.steps = steps;
      const std::vector<uint16_t> after = pool.Owners();
      for (size_t slot = 0; slot < before.size(); slot++) {
        if (after[slot] == before[slot]) continue;
        ASSERT_EQ(after[slot], ramping.lease) << "slot " << slot;
      }
      before = after;
    }
  }
}

TEST_F(OverlayTest, SharesOutSlotsInProportionToTheWeights) {
  Pool pool = RandomPool();
  pool.members.resize(3);
  pool.members[0].weight = 100;
  pool.members[1].weight = 300;
  pool.members[2].steps = 0;
  pool.base.assign(1u << 18, pool.members[2].lease);
  const std::vector<uint16_t> owners = pool.Owners();
  const auto light = std::ranges::count(owners, pool.members[0].lease);
  // Six standard deviations of a fair draw.
  EXPECT_NEAR(static_cast<double>(light), owners.size() / 4.0, 6 * 222);
}

TEST_F(OverlayTest, WithNobodyInEverySlotStays) {
  Pool pool = RandomPool();
  for (OverlayMember& member : pool.members) member.steps = 0;
  const std::vector<uint16_t> owners = pool.Owners();
  for (size_t slot = 0; slot < owners.size(); slot++) {
    ASSERT_EQ(owners[slot], lb_slot_backend(pool.base[slot]));
  }
}

// Every node must choose alike, in every version: these are part of the format. Computed from the
// formula in floating point, by another program.
TEST_F(OverlayTest, ChoosesAsItAlwaysDid) {
  const std::vector<FillBackend> backends = {{11, 100}, {22, 100}, {33, 50}, {44, 1}};
  const Rendezvous choice(backends);
  std::vector<size_t> chosen;
  for (uint32_t slot = 0; slot < 16; slot++) {
    chosen.push_back(*choice.Choose(slot, [](size_t) { return true; }));
  }
  EXPECT_EQ(chosen, (std::vector<size_t>{1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 2, 2, 2, 1}));
}

}  // namespace
}  // namespace evenkeel
