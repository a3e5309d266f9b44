// Trials that begin on a slice of the slots, over a plane and a clock of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "control/canary/slice.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

class CanaryRig : public ChangeRig {
 public:
  ApplyOutcome Canary(const std::string& text, int percent = 5) {
    return pipeline_->Apply(
        {.content = text, .file = "", .reason = "test", .canary_percent = percent}, kAlice);
  }
  absl::Status Widen(int64_t revision, int percent) {
    return pipeline_->Widen({.revision = revision, .percent = percent, .evidence = "seen"}, kBob);
  }
  int Percent() {
    const std::optional<TrialView> trial = pipeline_->Trial();
    return trial && trial->canary ? trial->canary->percent : 0;
  }
  ImageView PlaneImage() {
    const PublicationPtr publication = plane_.running();
    const TableLookup find = [&](const Digest& digest) -> TablePtr {
      const auto found = std::ranges::find_if(
          publication->tables, [&](const TablePtr& table) { return table->digest() == digest; });
      return found == publication->tables.end() ? nullptr : *found;
    };
    absl::StatusOr<ImageView> image =
        ImageView::Verify(AlignedBytes::CopyOf(publication->root.bytes()), find, nullptr);
    EXPECT_TRUE(image.ok()) << image.status();
    return *std::move(image);
  }
  // Last bytes of the addresses that own the plane's slots.
  std::vector<int> Owners() {
    const ImageView image = PlaneImage();
    std::vector<int> owners;
    for (const lb_slot slot : image.tables()[image.pools()[0].table]->slots()) {
      owners.push_back(image.backends()[lb_slot_backend(slot)].address[15]);
    }
    return owners;
  }
  // How many slots have left their owner of `before` and are pure: its connections there are lost,
  // since nobody looks for their entries.
  int Forgotten(const std::vector<int>& before) {
    const ImageView image = PlaneImage();
    const auto slots = image.tables()[image.pools()[0].table]->slots();
    int forgotten = 0;
    for (size_t slot = 0; slot < slots.size(); ++slot) {
      const int owner = image.backends()[lb_slot_backend(slots[slot])].address[15];
      forgotten += owner != before[slot] && lb_slot_transition(slots[slot]) == 0;
    }
    return forgotten;
  }
  // As they come to be where `text` is applied at once.
  static std::vector<int> OwnersOf(const std::vector<uint32_t>& weights) {
    CanaryRig rig;
    EXPECT_FALSE(rig.Now(rig.Text(weights)).refusal);
    return rig.Owners();
  }
};

class CanaryTest : public testing::Test, protected CanaryRig {
 protected:
  static constexpr int kLog2 = 12;
};

TEST_F(CanaryTest, HasTheCandidatesOwnersInItsSliceAndNowhereElse) {
  const std::vector<int> before = OwnersOf({10, 10}), after = OwnersOf({10, 10, 10});
  Now(Text({10, 10}));
  const ApplyOutcome outcome = Canary(Text({10, 10, 10}));
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  ASSERT_TRUE(outcome.canary);
  EXPECT_EQ(outcome.canary->percent, 5);
  EXPECT_EQ(outcome.canary->stages, (std::vector<int>{5, 25, 100}));
  const std::vector<int> owners = Owners();
  for (uint32_t slot = 0; slot < owners.size(); ++slot) {
    ASSERT_EQ(owners[slot], IsInSlice(slot, kLog2, 5) ? after[slot] : before[slot]) << slot;
  }
  // What readers are told is what the table has.
  const RunningPtr running = pipeline_->Running();
  ASSERT_EQ(running->config.pools[0].backends.size(), 3u);
  const auto of_b3 = static_cast<double>(std::count(owners.begin(), owners.end(), 13));
  EXPECT_DOUBLE_EQ(running->compiled->pools[0].share(2), of_b3 / 4096);
  EXPECT_NEAR(of_b3 / 4096, 0.05 / 3, 0.005);
}

TEST_F(CanaryTest, MovesEverySlotOnceAtMostAndEndsWithTheCandidate) {
  Now(Text({10, 10, 10}));
  std::vector<std::vector<int>> stages = {Owners()};
  // A removal and two other weights.
  ASSERT_FALSE(Canary(Text({10, 30}), 1).refusal);
  stages.push_back(Owners());
  for (const int percent : {1, 5, 25}) {
    EXPECT_EQ(Percent(), percent);
    ASSERT_TRUE(Widen(2, percent).ok());
    stages.push_back(Owners());
  }
  EXPECT_EQ(Percent(), 100);
  EXPECT_EQ(stages.back(), OwnersOf({10, 30}));
  for (size_t slot = 0; slot < stages[0].size(); ++slot) {
    int moves = 0;
    for (size_t i = 1; i < stages.size(); ++i) moves += stages[i][slot] != stages[i - 1][slot];
    ASSERT_LE(moves, 1) << slot;
  }
  ASSERT_FALSE(pipeline_->Confirm(kAlice).refusal);
  EXPECT_EQ(pipeline_->Running()->config.pools[0].backends.size(), 2u);
  EXPECT_TRUE(pipeline_->Audit().ok);
  EXPECT_EQ(StateOf(2), RevisionState::kConfirmed);
  // The removed one left with the last stage.
  Restart();
  EXPECT_EQ(PlaneRevision(), 2);
  EXPECT_EQ(Owners(), stages.back());
}

TEST_F(CanaryTest, IsNotConfirmedBeforeItHasEverySlot) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  const ApplyOutcome early = pipeline_->Confirm(kAlice);
  ASSERT_TRUE(early.refusal);
  EXPECT_TRUE(absl::StrContains(early.refusal->message, "5% of the slots"));
  EXPECT_EQ(StateOf(2), RevisionState::kTrial);
  ASSERT_TRUE(Widen(2, 5).ok());
  EXPECT_TRUE(pipeline_->Confirm(kAlice).refusal);
  ASSERT_TRUE(Widen(2, 25).ok());
  EXPECT_FALSE(pipeline_->Confirm(kAlice).refusal);
}

TEST_F(CanaryTest, WidensOnlyFromWhereItWasJudged) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  const uint64_t generation = plane_.running()->generation;
  EXPECT_TRUE(absl::IsFailedPrecondition(Widen(2, 25)));
  EXPECT_TRUE(absl::IsFailedPrecondition(Widen(1, 5)));
  EXPECT_EQ(plane_.running()->generation, generation);
  pipeline_->Rollback({}, kAlice);
  EXPECT_TRUE(absl::IsFailedPrecondition(Widen(2, 5)));
}

TEST_F(CanaryTest, GoesBackFromAnyStage) {
  const std::vector<int> before = OwnersOf({10, 10});
  for (const int stages : {0, 1, 2}) {
    CanaryRig rig;
    rig.Now(rig.Text({10, 10}));
    rig.Canary(rig.Text({10, 10, 10}));
    for (int stage = 0; stage < stages; ++stage) {
      ASSERT_TRUE(rig.Widen(2, stage == 0 ? 5 : 25).ok());
    }
    ASSERT_FALSE(rig.pipeline_->Rollback({}, kAlice).refusal);
    EXPECT_EQ(rig.Owners(), before);
    EXPECT_EQ(rig.PlaneRevision(), 1);
    EXPECT_EQ(rig.StateOf(2), RevisionState::kRolledBack);
  }
}

TEST_F(CanaryTest, ThePlaneGoesBackByItselfAtTheDeadlineOfTheWholeTrial) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  const absl::Time deadline = pipeline_->Trial()->deadline;
  Advance(absl::Minutes(4));
  ASSERT_TRUE(Widen(2, 5).ok());
  EXPECT_EQ(pipeline_->Trial()->deadline, deadline);
  Advance(absl::Minutes(2));
  EXPECT_FALSE(pipeline_->Trial());
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(Owners(), OwnersOf({10, 10}));
}

TEST_F(CanaryTest, ARestartGoesOnWhereItWas) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  ASSERT_TRUE(Widen(2, 5).ok());
  const std::vector<int> owners = Owners();
  const uint64_t generation = plane_.running()->generation;
  Restart();
  EXPECT_EQ(Percent(), 25);
  EXPECT_EQ(plane_.running()->generation, generation) << "it was published anew";
  EXPECT_EQ(Owners(), owners);
  ASSERT_TRUE(Widen(2, 25).ok());
  EXPECT_EQ(Owners(), OwnersOf({10, 10, 10}));
}

TEST_F(CanaryTest, ARestartCarriesOutWhatWasDecided) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  kill_at_ = steps_.size() + 1;
  EXPECT_THROW((void)Widen(2, 5), Killed);
  EXPECT_EQ(steps_.back(), "widening");
  kill_at_.reset();
  Restart();
  EXPECT_EQ(Percent(), 25);
  EXPECT_NEAR(pipeline_->Running()->compiled->pools[0].share(2), 0.25 / 3, 0.02);
  const std::vector<int> owners = Owners();
  EXPECT_NEAR(static_cast<double>(std::count(owners.begin(), owners.end(), 13)) / 4096, 0.25 / 3,
              0.02);
}

TEST_F(CanaryTest, StaysAtItsStageWhereThePlaneRefusesTheNext) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  const std::vector<int> owners = Owners();
  plane_.AnswerNext(absl::InvalidArgumentError("no"));
  EXPECT_FALSE(Widen(2, 5).ok());
  EXPECT_EQ(Percent(), 5);
  EXPECT_EQ(Owners(), owners);
  ASSERT_TRUE(Widen(2, 5).ok());
  EXPECT_EQ(Percent(), 25);
  const std::vector<std::string> events = Events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "widened"), 1);
}

// The plane took the next stage, or did not, and control was not told.
TEST_F(CanaryTest, AStageThatWasTakenUnheardIsFoundAgain) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  plane_.AnswerNext(absl::DeadlineExceededError("no answer"), true);
  EXPECT_FALSE(Widen(2, 5).ok());
  EXPECT_EQ(Percent(), 5);
  const uint64_t generation = plane_.running()->generation;
  plane_.Connect();
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(Percent(), 25);
  EXPECT_EQ(plane_.running()->generation, generation) << "it was published anew";
  EXPECT_EQ(pipeline_->Running()->generation, generation);
  EXPECT_TRUE(pipeline_->Audit().ok);
  ASSERT_TRUE(Widen(2, 25).ok());
  EXPECT_EQ(Owners(), OwnersOf({10, 10, 10}));
}

TEST_F(CanaryTest, AStageThatWasNotTakenIsWidenedAgain) {
  Now(Text({10, 10}));
  Canary(Text({10, 10, 10}));
  const std::vector<int> owners = Owners();
  plane_.AnswerNext(absl::DeadlineExceededError("no answer"), false);
  EXPECT_FALSE(Widen(2, 5).ok());
  plane_.Connect();
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(Percent(), 5);
  EXPECT_EQ(Owners(), owners);
  ASSERT_TRUE(Widen(2, 5).ok());
  EXPECT_EQ(Percent(), 25);
}

// Connections that moved with a stage whose answer was never heard go back as others do, whatever
// control has done by the time that it hears of the stage.
TEST_F(CanaryTest, GoesBackFromAStageThatWasTakenUnheard) {
  const auto away = [](CanaryRig& rig) {
    EXPECT_FALSE(rig.pipeline_->Rollback({}, kAlice).refusal);
    rig.plane_.Connect();
  };
  const auto before_it_is_found = [](CanaryRig& rig) {
    rig.plane_.Connect();
    EXPECT_FALSE(rig.pipeline_->Rollback({}, kAlice).refusal);
  };
  const auto by_itself = [](CanaryRig& rig) {
    rig.Advance(absl::Minutes(6));
    rig.plane_.Connect();
  };
  const auto by_another_process = [](CanaryRig& rig) {
    rig.Start();
    EXPECT_FALSE(rig.pipeline_->Rollback({}, kAlice).refusal);
    rig.plane_.Connect();
  };
  const std::vector<int> before = OwnersOf({10, 10});
  const std::vector<std::function<void(CanaryRig&)>> ways = {away, before_it_is_found, by_itself,
                                                             by_another_process};
  for (size_t way = 0; way < ways.size(); ++way) {
    SCOPED_TRACE(way);
    CanaryRig rig;
    rig.Now(rig.Text({10, 10}));
    rig.Canary(rig.Text({10, 10, 10}));
    rig.plane_.AnswerNext(absl::DeadlineExceededError("no answer"), true);
    EXPECT_FALSE(rig.Widen(2, 5).ok());
    const std::vector<int> taken = rig.Owners();
    ASSERT_GT(std::count(taken.begin(), taken.end(), 13), 4096 / 15) << "the stage of 25%";
    ways[way](rig);
    EXPECT_TRUE(rig.pipeline_->Settle());
    EXPECT_EQ(rig.PlaneRevision(), 1);
    EXPECT_EQ(rig.StateOf(2), RevisionState::kRolledBack);
    EXPECT_EQ(rig.Owners(), before);
    EXPECT_EQ(rig.Forgotten(taken), 0);
    EXPECT_EQ(rig.pipeline_->Running()->generation, rig.plane_.running()->generation);
    EXPECT_TRUE(rig.pipeline_->Audit().ok);
  }
}

TEST_F(CanaryTest, RefusesWhatIsNoSlice) {
  const ApplyOutcome first = Canary(Text({10, 10}));
  ASSERT_TRUE(first.refusal);
  EXPECT_TRUE(absl::StrContains(first.refusal->message, "nothing runs yet"));
  Now(Text({10, 10}));
  const ApplyOutcome nothing = Canary(Text({10, 10}, "weight_ratio: 7"));
  ASSERT_TRUE(nothing.refusal);
  EXPECT_TRUE(absl::StrContains(nothing.refusal->message, "moves no slot"));
  for (const int percent : {0, 51}) {
    const ApplyOutcome outcome = Canary(Text({10, 20}), percent);
    ASSERT_TRUE(outcome.refusal);
    EXPECT_EQ(outcome.refusal->code, "usage");
  }
  EXPECT_FALSE(pipeline_->Trial());
}

// Between evidence and its call a person may have rolled back and applied something else.
TEST_F(CanaryTest, WhatWasSeenOfOneTrialEndsNoOther) {
  Now(Text({10, 10}));
  ASSERT_FALSE(Try(Text({10, 11})).refusal);
  EXPECT_TRUE(pipeline_->Rollback({.to = {}, .reason = "", .judged = 7}, kBob).refusal);
  EXPECT_TRUE(pipeline_->Confirm(kBob, 7).refusal);
  EXPECT_EQ(StateOf(2), RevisionState::kTrial);
  EXPECT_FALSE(pipeline_->Rollback({.to = {}, .reason = "", .judged = 2}, kBob).refusal);
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
}

}  // namespace
}  // namespace evenkeel
