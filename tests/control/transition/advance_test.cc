#include "control/transition/advance.h"

#include "gtest/gtest.h"

namespace evenkeel {
namespace {

constexpr uint64_t kPool = 77;
constexpr uint64_t kStart = 1000 * kSecondNs;
constexpr uint64_t kIdle = 900 * kSecondNs;

// One pool of a few slots, published again and again; `failed` backends are out.
class AdvanceTest : public testing::Test {
 protected:
  void Publish(const std::vector<uint16_t>& owners, const TailEvidence* evidence = nullptr) {
    const NextPool next{.id = kPool, .owners = owners, .idle_ns = kIdle};
    const RunningPool running{.id = kPool, .slots = slots_};
    absl::StatusOr<Advanced> advanced =
        Advance({.running = {&running, 1},
                 .transitions = transitions_,
                 .next = {&next, 1},
                 .has_failed = [&](uint16_t backend) { return backend == failed_; },
                 .evidence = evidence,
                 .now_ns = now_,
                 .open_at_least_ns = open_at_least_});
    ASSERT_TRUE(advanced.ok()) << advanced.status();
    slots_ = advanced->slots[0];
    transitions_ = advanced->transitions;
    transitions_.insert(transitions_.begin(), lb_transition{});
    counts_ = advanced->counts;
  }
  // Null: pure.
  const lb_transition* At(size_t slot) const {
    const uint16_t reference = lb_slot_transition(slots_[slot]);
    return reference == 0 ? nullptr : &transitions_[reference];
  }
  void Pass(uint64_t seconds) { now_ += seconds * kSecondNs; }

  uint64_t now_ = kStart;
  uint64_t open_at_least_ = 0;
  uint16_t failed_ = LB_NONE;
  std::vector<lb_slot> slots_ = {1, 2, 3, 1};
  std::vector<lb_transition> transitions_;
  AdvanceCounts counts_;
};

TEST_F(AdvanceTest, AMovedSlotOpensTowardsItsFormerOwner) {
  Publish({9, 2, 3, 1});
  ASSERT_NE(At(0), nullptr);
  EXPECT_EQ(lb_slot_backend(slots_[0]), 9);
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->state, LB_SLOT_OPEN);
  EXPECT_EQ(At(0)->open_until_ns, now_ + kIdle);
  EXPECT_EQ(At(0)->armed_until_ns, now_ + kArmedNs);
  EXPECT_EQ(At(0)->armed_previous, 1);
  EXPECT_EQ(At(1), nullptr);
  EXPECT_EQ(counts_.opened, 1u);
}

TEST_F(AdvanceTest, AFailureDoesNotArmUdp) {
  failed_ = 1;
  Publish({9, 2, 3, 8});
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->armed_until_ns, 0u);
  EXPECT_EQ(At(0), At(3)) << "equal records are one";
}

TEST_F(AdvanceTest, ALaterMoveKeepsTheOldestPreviousAndItsWindow) {
  Publish({9, 2, 3, 1});
  const uint64_t until = At(0)->open_until_ns;
  Pass(30);
  Publish({8, 2, 3, 1});
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->open_until_ns, until);
  EXPECT_EQ(At(0)->armed_previous, 1) << "still armed: nobody untracked is at 9";
  EXPECT_EQ(At(0)->armed_until_ns, kStart + kArmedNs);
  Pass(60);
  Publish({7, 2, 3, 1});
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->open_until_ns, until);
  EXPECT_EQ(At(0)->armed_previous, 8) << "UDP's flows have been at 8 since the minute was over";
  EXPECT_EQ(At(0)->armed_until_ns, now_ + kArmedNs);
  EXPECT_EQ(counts_.opened, 0u);
}

TEST_F(AdvanceTest, ComingBackIsStillOpen) {
  Publish({9, 2, 3, 1});
  Pass(30);
  Publish({1, 2, 3, 1});
  ASSERT_NE(At(0), nullptr);
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(lb_slot_backend(slots_[0]), 1);
}

TEST_F(AdvanceTest, AMoveInTailOpensAnew) {
  Publish({9, 2, 3, 1});
  Pass(901);
  Publish({8, 2, 3, 1});
  EXPECT_EQ(At(0)->previous, 9);
  EXPECT_EQ(At(0)->open_until_ns, now_ + kIdle);
}

TEST_F(AdvanceTest, OnlyEvidenceOfAfterTheWindowEndsATail) {
  Publish({9, 2, 3, 1});
  const TailEvidence early(now_ + kIdle - 1);
  Pass(901);
  Publish({9, 2, 3, 1}, &early);
  ASSERT_NE(At(0), nullptr);
  EXPECT_EQ(At(0)->state, LB_SLOT_TAIL);
  TailEvidence held(now_);
  held.Add({.pool = kPool, .slot = 0, .backend = 1});
  Publish({9, 2, 3, 1}, &held);
  EXPECT_NE(At(0), nullptr);
  TailEvidence slotless(now_);
  slotless.Add({.pool = kPool, .backend = 9});
  Publish({9, 2, 3, 1}, &slotless);
  EXPECT_NE(At(0), nullptr) << "the entry may be of any slot";
  TailEvidence current(now_);
  current.Add({.pool = kPool, .slot = 0, .backend = 9, .is_current = true});
  current.Add({.pool = kPool + 1, .slot = 0, .backend = 30});
  Publish({9, 2, 3, 1}, &current);
  EXPECT_EQ(At(0), nullptr);
  EXPECT_EQ(counts_.ended, 1u);
}

TEST_F(AdvanceTest, NoEvidenceEndsAnOpenSlot) {
  Publish({9, 2, 3, 1});
  Pass(10);
  const TailEvidence nothing(now_);
  Publish({9, 2, 3, 1}, &nothing);
  ASSERT_NE(At(0), nullptr);
  EXPECT_EQ(At(0)->state, LB_SLOT_OPEN);
}

TEST_F(AdvanceTest, PublishingTheSameAgainChangesNothing) {
  Publish({9, 8, 3, 1});
  Pass(30);
  Publish({9, 7, 3, 4});
  const std::vector<lb_slot> slots = slots_;
  const size_t records = transitions_.size();
  Publish({9, 7, 3, 4});
  EXPECT_EQ(slots_, slots);
  EXPECT_EQ(transitions_.size(), records);
}

TEST_F(AdvanceTest, ATrialsWindowsLastUntilItsEnd) {
  Publish({9, 2, 3, 1});
  Pass(890);
  open_at_least_ = now_ + 300 * kSecondNs;
  Publish({8, 2, 3, 1});
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->open_until_ns, open_at_least_ + 1);
}

TEST_F(AdvanceTest, ATrialKeepsOpenWhatItFoundOpen) {
  Publish({9, 2, 3, 1});
  Pass(890);
  open_at_least_ = now_ + 300 * kSecondNs;
  Publish({9, 7, 3, 1});
  EXPECT_EQ(At(0)->previous, 1);
  EXPECT_EQ(At(0)->open_until_ns, open_at_least_ + 1);
  EXPECT_EQ(At(1)->open_until_ns, now_ + kIdle);
}

TEST_F(AdvanceTest, AnotherNumberOfSlotsIsPure) {
  Publish(std::vector<uint16_t>(8, 1));
  EXPECT_EQ(slots_.size(), 8u);
  for (size_t slot = 0; slot < 8; slot++) EXPECT_EQ(At(slot), nullptr);
}

// 4,000 backends that all lose slots every second: their windows are rounded until they fit.
TEST_F(AdvanceTest, RoundsWindowsUpWhenThereAreTooManyRecords) {
  constexpr uint16_t kBackends = 4000;
  slots_.assign(20 * kBackends, 0);
  std::vector<uint16_t> owners(slots_.size());
  for (size_t slot = 0; slot < slots_.size(); slot++) {
    slots_[slot] = owners[slot] = static_cast<uint16_t>(slot % kBackends);
  }
  for (size_t second = 0; second < 20; second++) {
    for (size_t slot = second * kBackends; slot < (second + 1) * kBackends; slot++) {
      owners[slot] = kBackends;
    }
    Publish(owners);
    Pass(1);
  }
  EXPECT_LT(transitions_.size(), 65536u);
  for (size_t slot = 0; slot < slots_.size(); slot++) {
    const uint64_t exact = kStart + slot / kBackends * kSecondNs + kIdle;
    ASSERT_EQ(At(slot)->previous, slot % kBackends);
    ASSERT_GE(At(slot)->open_until_ns, exact);
    ASSERT_LE(At(slot)->open_until_ns, exact + 60 * kSecondNs);
  }
}

}  // namespace
}  // namespace evenkeel
