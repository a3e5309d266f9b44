#include "control/rollback/trial_step.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

using enum PlaneView;
constexpr PlaneView kViews[] = {kUnknown, kArmed, kKept, kReturned, kWithout};
constexpr RevisionState kStates[] = {RevisionState::kPending, RevisionState::kTrial,
                                     RevisionState::kConfirming};

TrialStep Step(RevisionState state, std::vector<PlaneView> planes, bool expired = false) {
  return NextStep({.state = state, .is_trial = true, .expired = expired, .planes = planes}).step;
}

// Of one revision with two planes, every combination.
template <typename Check>
void ForAll(Check check) {
  for (RevisionState state : kStates) {
    for (PlaneView a : kViews) {
      for (PlaneView b : kViews) {
        for (bool expired : {false, true}) {
          const TrialFacts facts{
              .state = state, .is_trial = true, .expired = expired, .planes = {a, b}};
          SCOPED_TRACE(testing::Message() << Name(state) << " " << static_cast<int>(a) << " "
                                          << static_cast<int>(b) << " " << expired);
          check(facts, NextStep(facts));
        }
      }
    }
  }
}

bool Has(const TrialFacts& facts, PlaneView view) {
  return facts.planes[0] == view || facts.planes[1] == view;
}

TEST(TrialStepTest, ConfirmsOnlyWhatEveryPlaneKeepsAndAPersonHasConfirmed) {
  ForAll([](const TrialFacts& facts, const TrialDecision& next) {
    if (next.step != TrialStep::kConfirm) return;
    EXPECT_EQ(facts.state, RevisionState::kConfirming);
    EXPECT_EQ(facts.planes, (std::vector{kKept, kKept}));
  });
}

TEST(TrialStepTest, AsksNoPlaneBeforeTheStoreHoldsTheConfirmation) {
  ForAll([](const TrialFacts& facts, const TrialDecision& next) {
    if (next.step == TrialStep::kAskPlanes) {
      EXPECT_EQ(facts.state, RevisionState::kConfirming);
    }
  });
}

TEST(TrialStepTest, TakesEveryPlaneBackOnceOneHasGoneBack) {
  ForAll([](const TrialFacts& facts, const TrialDecision& next) {
    if (!Has(facts, kReturned)) return;
    EXPECT_EQ(next.step, TrialStep::kReturn);
    EXPECT_FALSE(next.reason.empty());
  });
}

TEST(TrialStepTest, NeverTakesBackByTimeWhatWasConfirmedByAPerson) {
  ForAll([](const TrialFacts& facts, const TrialDecision& next) {
    if (facts.state != RevisionState::kConfirming) return;
    if (Has(facts, kReturned) || Has(facts, kWithout)) return;
    EXPECT_NE(next.step, TrialStep::kReturn);
  });
}

TEST(TrialStepTest, LeavesNoExpiredTrialRunning) {
  ForAll([](const TrialFacts& facts, const TrialDecision& next) {
    if (!facts.expired || facts.state == RevisionState::kConfirming) return;
    if (facts.planes == std::vector{kKept, kKept}) return;
    EXPECT_EQ(next.step, TrialStep::kReturn);
  });
}

TEST(TrialStepTest, WaitsForWhatIsNotConnected) {
  for (RevisionState state : kStates) {
    EXPECT_EQ(Step(state, {kUnknown}), TrialStep::kWait);
  }
  EXPECT_EQ(Step(RevisionState::kTrial, {kArmed}), TrialStep::kWait);
}

TEST(TrialStepTest, GoesOnWithATrialThatWasBegunWhenTheDaemonDied) {
  EXPECT_EQ(Step(RevisionState::kPending, {kArmed}), TrialStep::kStartTrial);
  EXPECT_EQ(Step(RevisionState::kPending, {kWithout}), TrialStep::kAbandon);
  EXPECT_EQ(Step(RevisionState::kPending, {kArmed, kWithout}), TrialStep::kReturn);
}

TEST(TrialStepTest, EndsATrialWhosePlaneHasLostIt) {
  EXPECT_EQ(Step(RevisionState::kTrial, {kWithout}), TrialStep::kReturn);
  EXPECT_EQ(Step(RevisionState::kConfirming, {kWithout}), TrialStep::kReturn);
}

TEST(TrialStepTest, WithoutATrialWhatThePlanesRunDecides) {
  const auto step = [](std::vector<PlaneView> planes) {
    return NextStep({.state = RevisionState::kPending, .planes = planes}).step;
  };
  EXPECT_EQ(step({kKept}), TrialStep::kConfirm);
  EXPECT_EQ(step({kKept, kWithout}), TrialStep::kAbandon);
  EXPECT_EQ(step({kUnknown, kKept}), TrialStep::kWait);
}

}  // namespace
}  // namespace evenkeel
