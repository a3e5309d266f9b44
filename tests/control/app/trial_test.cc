// Trials: how they begin, who is refused meanwhile, and every way in which they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class TrialTest : public testing::Test, protected ChangeRig {
 protected:
  TrialTest() { EXPECT_FALSE(Now(Text({10, 10})).refusal); }
};

TEST_F(TrialTest, BeginsOnThePlaneWithAWayBack) {
  const ApplyOutcome outcome = Try(Text({10, 12}));
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.revision, 2);
  EXPECT_EQ(outcome.state, ChangeState::kTrial);
  EXPECT_EQ(outcome.generation, 2u);
  EXPECT_EQ(outcome.confirm_deadline, clock_.Now() + absl::Minutes(5));
  ASSERT_EQ(plane_.offered_trials().size(), 1u);
  const TrialPublication trial = plane_.offered_trials()[0];
  EXPECT_EQ(trial.id, 2u);
  EXPECT_EQ(trial.way_back->generation, 3u);
  EXPECT_EQ(trial.way_back->revision, 1);
  EXPECT_EQ(trial.deadline_ns, clock_.BootNs() + 300'000'000'000);
  EXPECT_EQ(StateOf(2), RevisionState::kTrial);
  const std::optional<TrialView> view = pipeline_->Trial();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->base_revision, 1);
  EXPECT_EQ(view->left, absl::Minutes(5));
  EXPECT_EQ(pipeline_->Running()->revision, 2);
}

TEST_F(TrialTest, KeepsToTheTimeThatIsAskedFor) {
  const auto within = [&](absl::Duration time) {
    return pipeline_->Apply({.content = Text({10, 12}), .reason = "r", .confirm_within = time},
                            kAlice);
  };
  EXPECT_EQ(within(absl::Seconds(29)).refusal->code, "usage");
  EXPECT_EQ(within(absl::Minutes(61)).refusal->code, "usage");
  ASSERT_FALSE(within(absl::Seconds(30)).refusal);
  EXPECT_EQ(pipeline_->Trial()->left, absl::Seconds(30));
}

TEST_F(TrialTest, IsConfirmedByAPerson) {
  Try(Text({10, 12}));
  const ApplyOutcome outcome = pipeline_->Confirm(kBob);
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.state, ChangeState::kConfirmed);
  EXPECT_EQ(outcome.revision, 2);
  EXPECT_EQ(StateOf(2), RevisionState::kConfirmed);
  EXPECT_EQ(plane_.State().trial->phase, TrialPhase::kConfirmed);
  EXPECT_FALSE(pipeline_->Trial());
  Advance(absl::Hours(1));
  EXPECT_EQ(PlaneRevision(), 2);
  EXPECT_THAT(Events(), testing::ElementsAre("apply", "confirmed", "apply", "trial", "confirming",
                                             "confirmed"));
  // The way back's generation is spent.
  EXPECT_EQ(Now(Text({10, 13})).generation, 4u);
}

TEST_F(TrialTest, GoesBackAtItsDeadline) {
  Try(Text({10, 12}));
  Advance(absl::Minutes(4));
  EXPECT_EQ(PlaneRevision(), 2);
  Advance(absl::Minutes(2));
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  EXPECT_EQ(pipeline_->Running()->generation, 3u);
  EXPECT_EQ((*store_->Find(1))->generation, 3u);
  EXPECT_EQ(plane_.offered(), 1u) << "the plane had gone back by itself";
  EXPECT_EQ(pipeline_->Confirm(kAlice).refusal->code, "refused");
}

TEST_F(TrialTest, IsNotTouchedByAStepOfTheWallClock) {
  Try(Text({10, 12}));
  clock_.StepWall(absl::Hours(5));
  pipeline_->Settle();
  EXPECT_EQ(StateOf(2), RevisionState::kTrial);
  clock_.StepWall(-absl::Hours(9));
  EXPECT_FALSE(pipeline_->Confirm(kAlice).refusal);
}

TEST_F(TrialTest, IsRolledBackByAPerson) {
  Try(Text({10, 12}));
  const ApplyOutcome outcome = pipeline_->Rollback({.to = {}, .reason = "too hot"}, kBob);
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.state, ChangeState::kRolledBack);
  EXPECT_EQ(outcome.reason, "bob rolled it back: too hot");
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ((*store_->Find(2))->outcome, "bob rolled it back: too hot");
}

TEST_F(TrialTest, OfTheFirstRevisionGoesBackToNothing) {
  ChangeRig fresh;
  const ApplyOutcome outcome = fresh.Try(fresh.Text({1, 1}));
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(fresh.pipeline_->Trial()->base_revision, 0);
  fresh.Advance(absl::Minutes(6));
  EXPECT_EQ(fresh.PlaneRevision(), 0);
  EXPECT_EQ(fresh.pipeline_->Running(), nullptr);
  fresh.Restart();
  EXPECT_EQ(fresh.pipeline_->Running(), nullptr);
  const ApplyOutcome again = fresh.Try(fresh.Text({1, 2}));
  ASSERT_FALSE(again.refusal) << again.refusal->message;
  EXPECT_EQ(again.generation, 3u);
  EXPECT_FALSE(fresh.pipeline_->Confirm(kAlice).refusal);
}

TEST_F(TrialTest, OfAFirstRevisionThatASilentPlaneHasTakenLeavesNothing) {
  for (const bool on_trial : {false, true}) {
    ChangeRig rig;
    const std::string text = rig.Text({10, 10});
    rig.plane_.AnswerNext(absl::DeadlineExceededError("no answer"), true);
    ASSERT_TRUE((on_trial ? rig.Try(text) : rig.Now(text)).refusal);
    ASSERT_EQ(rig.PlaneRevision(), 1);
    rig.plane_.Connect();
    EXPECT_TRUE(rig.pipeline_->Settle());
    EXPECT_EQ(rig.PlaneRevision(), 0) << "its operator was told that it does not run";
    EXPECT_EQ(rig.pipeline_->Running(), nullptr);
    EXPECT_FALSE(rig.Now(text).refusal);
    EXPECT_EQ(rig.PlaneRevision(), 2);
  }
}

TEST_F(TrialTest, RefusesEveryOtherChangeAndNamesItsHolder) {
  Try(Text({10, 12}));
  const ApplyOutcome others[] = {
      Try(Text({10, 13})), Now(Text({10, 13})), pipeline_->Rollback({.to = 1, .reason = "r"}, kBob),
      pipeline_->Drain({.pool = "web", .backend = "b1", .reason = "r"}, kBob),
      pipeline_->Undrain({.pool = "web", .backend = "b1", .reason = "r"}, kBob)};
  for (const ApplyOutcome& other : others) {
    ASSERT_TRUE(other.refusal);
    EXPECT_EQ(other.refusal->code, "refused");
    EXPECT_THAT(other.refusal->message, HasSubstr("revision 2 of alice"));
    EXPECT_THAT(other.refusal->message, HasSubstr("because: test"));
  }
  // What is on trial already is no second change.
  EXPECT_EQ(Try(Text({10, 12})).revision, 2);
  EXPECT_EQ(plane_.offered_trials().size(), 1u);
}

TEST_F(TrialTest, TellsTheLoserOfTwoWhatChanged) {
  ASSERT_FALSE(Now(Text({10, 11})).refusal);
  const ApplyOutcome loser =
      pipeline_->Apply({.content = Text({10, 12}), .reason = "mine", .base_revision = 1}, kBob);
  ASSERT_TRUE(loser.refusal);
  EXPECT_THAT(loser.refusal->message, HasSubstr("revision 2 of alice"));
  EXPECT_THAT(loser.refusal->message, HasSubstr("not revision 1"));
}

TEST_F(TrialTest, OfTwoAtOnceBeginsOnceAndTheOtherIsTold) {
  for (uint32_t round = 0; round < 20; ++round) {
    ApplyOutcome outcomes[2];
    {
      std::vector<std::thread> operators;
      for (uint32_t i = 0; i < 2; ++i) {
        operators.emplace_back([&, i] {
          outcomes[i] = pipeline_->Apply({.content = Text({10, 20 + 2 * round + i}), .reason = "r"},
                                         i == 0 ? kAlice : kBob);
        });
      }
      for (std::thread& each : operators) each.join();
    }
    const bool alice_lost = outcomes[0].refusal.has_value();
    ASSERT_NE(alice_lost, outcomes[1].refusal.has_value());
    EXPECT_THAT(outcomes[alice_lost ? 0 : 1].refusal->message,
                HasSubstr(alice_lost ? "of bob" : "of alice"));
    ASSERT_FALSE(pipeline_->Rollback({}, kAlice).refusal);
  }
}

TEST_F(TrialTest, AppliesThePlanThatWasLookedAtAndNoOther) {
  const absl::StatusOr<Plan> plan = pipeline_->PlanChange({.content = Text({10, 12})});
  ASSERT_TRUE(plan.ok());
  const auto apply = [&](const std::string& text) {
    return pipeline_->Apply(
        {.content = text, .reason = "r", .confirm = "now", .plan_digest = HexDigest(plan->digest)},
        kAlice);
  };
  EXPECT_THAT(apply(Text({10, 13})).refusal->message, HasSubstr("not the plan that was meant"));
  ASSERT_FALSE(apply(Text({10, 12})).refusal);
  Now(Text({10, 14}));
  EXPECT_THAT(apply(Text({10, 12})).refusal->message, HasSubstr("revision 3 of alice"));
}

TEST_F(TrialTest, RefusesForAnHourWhatWasRolledBack) {
  Try(Text({10, 12}));
  pipeline_->Rollback({}, kAlice);
  const ApplyOutcome refused = Now(Text({10, 12}));
  ASSERT_TRUE(refused.refusal);
  EXPECT_THAT(refused.refusal->message, HasSubstr("was rolled back as revision 2"));
  EXPECT_FALSE(Try(Text({10, 13})).refusal);
  pipeline_->Rollback({}, kAlice);
  ApplyCall again{.content = Text({10, 12}), .reason = "r", .confirm = "now", .again = "mended"};
  EXPECT_FALSE(pipeline_->Apply(again, kAlice).refusal);
  Advance(absl::Minutes(61));
  EXPECT_FALSE(Now(Text({10, 13})).refusal);
}

TEST_F(TrialTest, IsRefusedByTheGuards) {
  const std::string safety = "weight_ratio: 2000";
  ASSERT_FALSE(Now(Text({10, 10, 10, 10}, safety)).refusal);
  const ApplyOutcome half = Try(Text({10, 10}, safety));
  ASSERT_TRUE(half.refusal);
  EXPECT_EQ(half.refusal->code, "refused");
  EXPECT_THAT(half.refusal->message, HasSubstr("F12"));
  EXPECT_FALSE(half.findings.empty());
  EXPECT_TRUE(Now(Text({10, 10}, safety)).refusal) << "no trial, and all the guards";
  ApplyCall allowed{.content = Text({10, 10}, safety),
                    .reason = "r",
                    .confirm = "now",
                    .allow = {{.rule = "F12",
                               .at = "pools.web",
                               .reason = "rack moves",
                               .until = clock_.Now() + absl::Hours(24)}}};
  const ApplyOutcome outcome = pipeline_->Apply(allowed, kAlice);
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ((*store_->Find(outcome.revision))->allow, allowed.allow);
}

TEST_F(TrialTest, AddsUpTheSmallStepsOfADay) {
  const std::string safety = "weight_ratio: 2000";
  ASSERT_FALSE(Now(Text({10, 10, 10, 10, 10, 10, 10, 10}, safety)).refusal);
  ASSERT_FALSE(Now(Text({10, 10, 10, 10, 10, 10, 10}, safety)).refusal);
  ASSERT_FALSE(Now(Text({10, 10, 10, 10, 10, 10}, safety)).refusal);
  Restart();
  EXPECT_TRUE(Now(Text({10, 10, 10, 10, 10}, safety)).refusal) << "3 of 8 in one day";
  Advance(absl::Hours(25));
  EXPECT_FALSE(Now(Text({10, 10, 10, 10, 10}, safety)).refusal);
}

TEST_F(TrialTest, AddsThemUpAlsoUnderAnotherName) {
  const std::string safety = "weight_ratio: 2000";
  ASSERT_FALSE(Now(Text({10, 10, 10, 10, 10, 10, 10, 10}, safety)).refusal);
  ASSERT_FALSE(Now(Text({10, 10, 10, 10, 10, 10}, safety)).refusal);
  std::string renamed = Text({10, 10, 10, 10, 10}, safety);
  for (size_t at = 0; (at = renamed.find("web", at)) != std::string::npos; at += 4) {
    renamed.replace(at, 3, "next");
  }
  const ApplyOutcome outcome = Now(renamed);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_THAT(outcome.refusal->message, HasSubstr("F12"));
}

TEST_F(TrialTest, BothRevisionsKeepTheIndicesOfTheirBackends) {
  const auto leases = [&] {
    std::map<std::string, uint16_t> indices;
    const auto stored = store_->Leases((*store_->Active())->revision);
    for (const Lease& lease : stored.value()) {
      indices[AddressText(lease.key.address)] = lease.index;
    }
    return indices;
  };
  Now(Text({10, 10, 10}));
  ASSERT_FALSE(Try(Text({10, 10})).refusal);
  const auto on_trial = leases();
  EXPECT_EQ(on_trial.size(), 3u);
  Advance(absl::Minutes(6));
  ASSERT_FALSE(Try(Text({10, 10, 10, 10})).refusal);
  for (const auto& [address, index] : on_trial) EXPECT_EQ(leases()[address], index);
}

TEST_F(TrialTest, IsBackAfterTheDaemonWasDeadAtTheDeadline) {
  Try(Text({10, 12}));
  Stop();
  clock_.Advance(absl::Minutes(6));
  plane_.PassDeadline();
  Restart();
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(pipeline_->Running()->generation, 3u);
  EXPECT_EQ(plane_.offered(), 1u) << "nothing was published again";
}

TEST_F(TrialTest, GoesOnOverARestartOfTheDaemon) {
  Try(Text({10, 12}));
  Restart();
  EXPECT_EQ(pipeline_->Trial()->revision, 2);
  EXPECT_EQ(pipeline_->Running()->revision, 2);
  EXPECT_EQ(plane_.offered_trials().size(), 1u);
  EXPECT_FALSE(pipeline_->Confirm(kAlice).refusal);
  EXPECT_EQ(StateOf(2), RevisionState::kConfirmed);
}

TEST_F(TrialTest, EndsWithAnotherBoot) {
  Try(Text({10, 12}));
  Reboot();
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(TrialTest, EndsWhenThePlaneIsStartedAgain) {
  Try(Text({10, 12}));
  plane_.Restart();
  pipeline_->Settle();
  EXPECT_EQ(StateOf(2), RevisionState::kTrial) << "nobody knows yet";
  plane_.Connect();
  pipeline_->Settle();
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(TrialTest, IsNotConfirmedOnceThePlaneHasGoneBack) {
  Try(Text({10, 12}));
  plane_.PassDeadline();  // and control has not seen it
  const ApplyOutcome outcome = pipeline_->Confirm(kAlice);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(pipeline_->Running()->revision, 1);
}

TEST_F(TrialTest, LeavesTheAnswerToThePlaneThatDoesNotGiveOne) {
  for (const bool takes : {true, false}) {
    SCOPED_TRACE(takes);
    const ApplyOutcome begun = Try(Text({10, takes ? 12u : 13u}));
    plane_.AnswerNextDecision(absl::DeadlineExceededError("silent"), takes);
    const ApplyOutcome outcome = pipeline_->Confirm(kAlice);
    ASSERT_TRUE(outcome.refusal);
    EXPECT_EQ(outcome.refusal->code, "unavailable");
    EXPECT_EQ(StateOf(begun.revision), RevisionState::kConfirming);
    EXPECT_TRUE(pipeline_->Rollback({}, kBob).refusal) << "somebody has said yes";
    plane_.Connect();
    pipeline_->Settle();
    EXPECT_EQ(StateOf(begun.revision), RevisionState::kConfirmed);
    EXPECT_EQ(PlaneRevision(), begun.revision);
  }
}

TEST_F(TrialTest, WhoseConfirmationMeetsADeadlineIsRolledBackEverywhere) {
  Try(Text({10, 12}));
  plane_.AnswerNextDecision(absl::DeadlineExceededError("silent"));
  ASSERT_TRUE(pipeline_->Confirm(kAlice).refusal);
  clock_.Advance(absl::Minutes(6));
  plane_.PassDeadline();
  plane_.Connect();
  pipeline_->Settle();
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(TrialTest, RolledBackWhileThePlaneIsAwayEndsThereLater) {
  Try(Text({10, 12}));
  plane_.Disconnect();
  const ApplyOutcome outcome = pipeline_->Rollback({}, kAlice);
  ASSERT_FALSE(outcome.refusal);
  EXPECT_EQ(outcome.state, ChangeState::kRolledBack);
  EXPECT_EQ(PlaneRevision(), 2);
  plane_.Connect();
  pipeline_->Settle();
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(TrialTest, ThatThePlaneRefusesChangesNothing) {
  plane_.AnswerNext(absl::InvalidArgumentError("no room"));
  const ApplyOutcome outcome = Try(Text({10, 12}));
  ASSERT_TRUE(outcome.refusal);
  EXPECT_THAT(outcome.refusal->message, HasSubstr("no room"));
  EXPECT_EQ(StateOf(2), RevisionState::kFailed);
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_FALSE(Try(Text({10, 12})).refusal) << "it never ran, so it was never rolled back";
}

TEST_F(TrialTest, ThatASilentPlaneHasTakenAllTheSameEndsWhenItConnects) {
  plane_.AnswerNext(absl::DeadlineExceededError("no answer"), /*takes=*/true);
  ASSERT_TRUE(Try(Text({10, 12})).refusal);
  EXPECT_EQ(PlaneRevision(), 2);
  plane_.Connect();
  pipeline_->Settle();
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(pipeline_->Running()->generation, plane_.running()->generation);
}

// No connection has moved: none is sent where the trial would have moved it.
TEST_F(TrialTest, ThatASilentPlaneHasNotTakenLeavesNoTrace) {
  plane_.AnswerNext(absl::DeadlineExceededError("no answer"), /*takes=*/false);
  ASSERT_TRUE(Try(Text({10, 30})).refusal);
  plane_.Connect();
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(PlaneRevision(), 1);
  const RunningPtr running = pipeline_->Running();
  EXPECT_EQ(running->generation, plane_.running()->generation);
  EXPECT_EQ(running->compiled->image->transitions().size(), 1u) << "of pure slots alone";
}

TEST_F(TrialTest, WaitsForItsEndOnRequest) {
  Try(Text({10, 12}));
  EXPECT_EQ(pipeline_->AwaitTrialEnd(2, absl::Now() - absl::Seconds(1))->state,
            ChangeState::kTrial);
  pipeline_->Rollback({.to = {}, .reason = "x"}, kBob);
  const absl::StatusOr<ApplyOutcome> end = pipeline_->AwaitTrialEnd(2, absl::InfiniteFuture());
  EXPECT_EQ(end->state, ChangeState::kRolledBack);
  EXPECT_EQ(end->reason, "bob rolled it back: x");
  EXPECT_TRUE(absl::IsNotFound(pipeline_->AwaitTrialEnd(9, absl::InfiniteFuture()).status()));
}

TEST_F(TrialTest, ReturnsAlsoWhereNothingCanBeRecorded) {
  Try(Text({10, 12}));
  absl::StatusOr<Database> other = Database::Open(dir_ / "control.db");
  ASSERT_TRUE(other
                  ->Execute("CREATE TRIGGER full BEFORE UPDATE ON revisions "
                            "BEGIN SELECT RAISE(ABORT, 'disk full'); END")
                  .ok());
  const ApplyOutcome confirm = pipeline_->Confirm(kAlice);
  ASSERT_TRUE(confirm.refusal);
  EXPECT_THAT(confirm.refusal->message, HasSubstr("disk full"));
  Advance(absl::Minutes(6));
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  EXPECT_EQ(pipeline_->History()->front().state, RevisionState::kRolledBack);
  EXPECT_EQ(pipeline_->Alarms().front().rule, "state");
  const ApplyOutcome refused = Now(Text({10, 14}));
  ASSERT_TRUE(refused.refusal);
  EXPECT_EQ(refused.refusal->code, "unavailable");
  EXPECT_THAT(refused.refusal->message, HasSubstr("state directory"));
  ASSERT_TRUE(other->Execute("DROP TRIGGER full").ok());
  pipeline_->Settle();
  EXPECT_EQ(StateOf(2), RevisionState::kRolledBack);
  EXPECT_TRUE(pipeline_->Alarms().empty());
  EXPECT_FALSE(Now(Text({10, 14})).refusal);
}

TEST_F(TrialTest, GoesBackToAnEarlierRevisionWithTodaysGuards) {
  Now(Text({10, 12}));
  Now(Text({10, 13}));
  EXPECT_EQ(pipeline_->Rollback({.to = 9, .reason = "r"}, kAlice).refusal->code, "not_found");
  const ApplyOutcome outcome = pipeline_->Rollback({.to = 1, .reason = "r"}, kAlice);
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.revision, 4);
  EXPECT_EQ(outcome.state, ChangeState::kConfirmed);
  EXPECT_EQ(pipeline_->Show(4)->content, Text({10, 10}));
  EXPECT_EQ(pipeline_->Show(4)->verb, "rollback");
  EXPECT_EQ(pipeline_->Rollback({.to = 1, .reason = "r"}, kAlice).revision, 4) << "runs already";
  Try(Text({10, 15}));
  pipeline_->Rollback({}, kAlice);
  EXPECT_THAT(pipeline_->Rollback({.to = 5, .reason = "r"}, kAlice).refusal->message,
              HasSubstr("never confirmed"));
}

TEST_F(TrialTest, LogsWhoWasRefused) {
  pipeline_->LogRefusal("apply", kBob, "may look but not change");
  pipeline_->LogRefusal("apply", kBob, "may look but not change");
  pipeline_->Confirm(kAlice);
  const std::vector<std::string> events = Events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "refused"), 2) << "the same within 10 s: once";
}

}  // namespace
}  // namespace evenkeel
