// evenkeeld killed after each step of each call, and in random sequences of everything that can
// happen to it: afterwards revision, planes and log agree, and nobody who was told "confirmed" sees
// it taken back.
//
// EVENKEEL_SEED repeats a run of the random ones, EVENKEEL_STORMS says how many (12).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

// What must hold once a connected plane and control have talked.
void ExpectAgreement(ChangeRig& rig) {
  const RunningPtr running = rig.pipeline_->Running();
  ASSERT_EQ(rig.PlaneRevision(), running == nullptr ? 0 : running->revision);
  if (running != nullptr) {
    EXPECT_EQ(rig.plane_.running()->generation, running->generation);
  }
  const std::optional<Revision> active = *rig.store_->Active();
  EXPECT_EQ(active.has_value(), rig.pipeline_->Trial().has_value());
  if (active) {
    EXPECT_EQ(active->revision, rig.PlaneRevision());
  } else if (const std::optional<Revision> confirmed = *rig.store_->Running()) {
    EXPECT_EQ(confirmed->revision, rig.PlaneRevision());
  }
  const AuditReport report = rig.pipeline_->Audit();
  EXPECT_TRUE(report.ok) << report.findings.at(0).message;
}

struct Scenario {
  std::string name;
  std::function<void(ChangeRig&)> before;
  std::function<ApplyOutcome(ChangeRig&)> call;
};

std::vector<Scenario> Scenarios() {
  const auto base = [](ChangeRig& rig) { rig.Now(rig.Text({10, 10})); };
  const auto on_trial = [](ChangeRig& rig) {
    rig.Now(rig.Text({10, 10}));
    rig.Try(rig.Text({10, 12}));
  };
  const auto canary = [](ChangeRig& rig) {
    return rig.pipeline_->Apply(
        {.content = rig.Text({10, 10, 10}), .reason = "r", .canary_percent = 5}, kAlice);
  };
  const auto widen = [](ChangeRig& rig, int percent) {
    const absl::Status widened =
        rig.pipeline_->Widen({.revision = 2, .percent = percent, .evidence = "e"}, kBob);
    EXPECT_TRUE(widened.ok()) << widened;
    return ApplyOutcome{.revision = 2, .state = ChangeState::kTrial};
  };
  return {
      {"the first apply", [](ChangeRig&) {},
       [](ChangeRig& rig) {
         return rig.Now(rig.Text({10, 10}));
       }},
      {"the first trial", [](ChangeRig&) {},
       [](ChangeRig& rig) {
         return rig.Try(rig.Text({10, 10}));
       }},
      {"apply --confirm=now", base,
       [](ChangeRig& rig) {
         return rig.Now(rig.Text({10, 12}));
       }},
      {"apply", base,
       [](ChangeRig& rig) {
         return rig.Try(rig.Text({10, 12}));
       }},
      {"apply --canary", base, [canary](ChangeRig& rig) { return canary(rig); }},
      {"widen",
       [base, canary](ChangeRig& rig) {
         base(rig);
         canary(rig);
       },
       [widen](ChangeRig& rig) { return widen(rig, 5); }},
      {"widen to every slot",
       [base, canary, widen](ChangeRig& rig) {
         base(rig);
         canary(rig);
         widen(rig, 5);
       },
       [widen](ChangeRig& rig) { return widen(rig, 25); }},
      {"confirm", on_trial, [](ChangeRig& rig) { return rig.pipeline_->Confirm(kAlice); }},
      {"rollback", on_trial, [](ChangeRig& rig) { return rig.pipeline_->Rollback({}, kAlice); }},
      {"the deadline", on_trial,
       [](ChangeRig& rig) {
         rig.Advance(absl::Minutes(6));
         return ApplyOutcome{.revision = 2, .state = ChangeState::kRolledBack};
       }},
      {"drain", base,
       [](ChangeRig& rig) {
         return rig.pipeline_->Drain({.pool = "web", .backend = "b1", .reason = "r", .force = true},
                                     kAlice);
       }},
      {"rollback --to",
       [](ChangeRig& rig) {
         rig.Now(rig.Text({10, 10}));
         rig.Now(rig.Text({10, 12}));
       },
       [](ChangeRig& rig) { return rig.pipeline_->Rollback({.to = 1, .reason = "r"}, kAlice); }},
      {"a plane that refuses",
       [base](ChangeRig& rig) {
         base(rig);
         rig.plane_.AnswerNext(absl::InvalidArgumentError("no"));
       },
       [](ChangeRig& rig) {
         return rig.Try(rig.Text({10, 12}));
       }},
  };
}

// How many steps the call takes when nobody is killed.
size_t StepsOf(const Scenario& scenario) {
  ChangeRig rig;
  scenario.before(rig);
  const size_t before = rig.steps_.size();
  scenario.call(rig);
  ExpectAgreement(rig);
  return rig.steps_.size() - before;
}

TEST(KillTest, AfterAnyStepRevisionPlanesAndLogAgree) {
  for (const Scenario& scenario : Scenarios()) {
    const size_t steps = StepsOf(scenario);
    ASSERT_GT(steps, 0u) << scenario.name;
    for (size_t step = 1; step <= steps; ++step) {
      ChangeRig rig;
      scenario.before(rig);
      rig.kill_at_ = rig.steps_.size() + step;
      bool was_killed = false;
      try {
        scenario.call(rig);
      } catch (const Killed&) {
        was_killed = true;
      }
      ASSERT_TRUE(was_killed);
      SCOPED_TRACE(
          absl::StrCat(scenario.name, ", killed after step ", step, " (", rig.steps_.back(), ")"));
      rig.kill_at_.reset();
      rig.Restart();
      ExpectAgreement(rig);
      // A confirmation that was asked for is never forgotten.
      if (scenario.name == "confirm") {
        EXPECT_EQ(rig.StateOf(2), RevisionState::kConfirmed);
      }
      if (scenario.name == "rollback --to" || scenario.name == "drain") {
        EXPECT_FALSE(rig.pipeline_->Trial());
      }
      rig.Advance(absl::Hours(2));
      ExpectAgreement(rig);
      rig.plane_.AnswerNext(absl::OkStatus());
      const ApplyOutcome next = rig.Now(rig.Text({10, 99}));
      ASSERT_FALSE(next.refusal) << next.refusal->message;
      ExpectAgreement(rig);
    }
  }
}

// The same with the deadline passing while nobody is there.
TEST(KillTest, ATrialThatNobodyWatchedIsBackAndRecorded) {
  for (const Scenario& scenario : Scenarios()) {
    const size_t steps = StepsOf(scenario);
    for (size_t step = 1; step <= steps; ++step) {
      ChangeRig rig;
      scenario.before(rig);
      rig.kill_at_ = rig.steps_.size() + step;
      try {
        scenario.call(rig);
      } catch (const Killed&) {
      }
      SCOPED_TRACE(
          absl::StrCat(scenario.name, ", killed after step ", step, " (", rig.steps_.back(), ")"));
      rig.kill_at_.reset();
      rig.Stop();
      rig.clock_.Advance(absl::Minutes(10));
      rig.plane_.PassDeadline();
      rig.Restart();
      EXPECT_FALSE(rig.pipeline_->Trial());
      ExpectAgreement(rig);
    }
  }
}

// Everything that can happen, in any order.
class Storm {
 public:
  explicit Storm(uint32_t seed) : random_(seed) {}

  void Run(int events) {
    for (int i = 0; i < events && !testing::Test::HasFailure(); ++i) {
      const size_t killed_at = Below(4) == 0 ? rig_.steps_.size() + 1 + Below(6) : 0;
      if (killed_at != 0) rig_.kill_at_ = killed_at;
      try {
        Event();
      } catch (const Killed&) {
        story_.push_back(absl::StrCat("killed after ", rig_.steps_.back()));
        rig_.kill_at_.reset();
        rig_.Restart();
      }
      rig_.kill_at_.reset();
      Check();
    }
    if (testing::Test::HasFailure()) ADD_FAILURE() << absl::StrJoin(story_, "\n");
  }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  void Tell(absl::string_view what) { story_.emplace_back(what); }
  void Hear(const ApplyOutcome& outcome) {
    story_.back() += outcome.refusal
                         ? absl::StrCat(": ", outcome.refusal->message)
                         : absl::StrCat(": revision ", outcome.revision, " ", Name(outcome.state));
    if (!outcome.refusal && outcome.state == ChangeState::kConfirmed) told_ = outcome.revision;
  }
  std::string AnyText() { return rig_.Text({10 + Below(3), 10 + Below(3), 10 + Below(3)}); }

  void Event() {
    switch (Below(18)) {
      case 0:
      case 1:
      case 2:
        Tell("apply");
        return Hear(rig_.pipeline_->Apply(
            {.content = AnyText(), .reason = "storm", .again = "storm"}, kAlice));
      case 3:
        Tell("apply --confirm=now");
        return Hear(rig_.pipeline_->Apply(
            {.content = AnyText(), .reason = "storm", .confirm = "now", .again = "storm"}, kAlice));
      case 4:
      case 5:
        Tell("confirm");
        return Hear(rig_.pipeline_->Confirm(kBob));
      case 6:
        Tell("rollback");
        return Hear(rig_.pipeline_->Rollback({}, kBob));
      case 7:
        Tell("rollback --to");
        return Hear(rig_.pipeline_->Rollback({.to = 1 + Below(20), .reason = "storm"}, kBob));
      case 8:
        Tell("drain");
        return Hear(rig_.pipeline_->Drain({.pool = "web",
                                           .backend = absl::StrCat("b", 1 + Below(2)),
                                           .reason = "s",
                                           .force = true},
                                          kBob));
      case 9:
        Tell("undrain");
        return Hear(rig_.pipeline_->Undrain(
            {.pool = "web", .backend = absl::StrCat("b", 1 + Below(2)), .reason = "s"}, kBob));
      case 10:
        Tell("time passes");
        return rig_.Advance(absl::Seconds(20 + Below(400)));
      case 11:
        Tell("evenkeeld is started again");
        return rig_.Restart();
      case 12:
        Tell("the plane is started again");
        rig_.plane_.Restart();
        return rig_.plane_.Connect();
      case 13:
        Tell("the plane is cut off");
        rig_.plane_.Disconnect();
        rig_.pipeline_->Settle();
        if (Below(2) == 0) rig_.Advance(absl::Minutes(6));
        return rig_.plane_.Connect();
      case 14:
        Tell("the plane will not answer");
        if (Below(2) == 0) return rig_.plane_.AnswerNext(Silence(), Below(2) == 0);
        return rig_.plane_.AnswerNextDecision(Silence(), Below(2) == 0);
      case 15:
        Tell("apply --canary");
        return Hear(rig_.pipeline_->Apply(
            {.content = AnyText(), .reason = "storm", .again = "storm", .canary_percent = 5},
            kAlice));
      case 16:
        Tell("widen");
        if (const std::optional<TrialView> trial = rig_.pipeline_->Trial();
            trial && trial->canary) {
          story_.back() += ": " + rig_.pipeline_
                                      ->Widen({.revision = trial->revision,
                                               .percent = trial->canary->percent,
                                               .evidence = "storm"},
                                              kBob)
                                      .ToString();
        }
        return;
      default:
        Tell("the machine is started again");
        return rig_.Reboot();
    }
  }
  static absl::Status Silence() { return absl::DeadlineExceededError("no answer"); }

  void Check() {
    // A plane that fell silent is heard again, and what it was asked last is asked again.
    for (int i = 0; i < 4; ++i) {
      if (!rig_.plane_.State().connected) rig_.plane_.Connect();
      if (rig_.pipeline_->Settle() && rig_.plane_.State().connected) break;
    }
    ExpectAgreement(rig_);
    if (told_ != 0) {
      EXPECT_EQ(rig_.StateOf(told_), RevisionState::kConfirmed) << "told: " << told_;
      EXPECT_GE((*rig_.store_->Running())->revision, told_);
    }
    if (const PublicationPtr runs = rig_.plane_.running(); runs != last_) {
      EXPECT_GT(runs->generation, last_ == nullptr ? 0 : last_->generation);
      last_ = runs;
    }
  }

  std::mt19937 random_;
  ChangeRig rig_;
  std::vector<std::string> story_;
  int64_t told_ = 0;  // the last revision that somebody was told is confirmed
  PublicationPtr last_;
};

void FromEnvironment(const char* name, uint32_t& value) {
  if (const char* given = std::getenv(name)) {
    ASSERT_TRUE(absl::SimpleAtoi(given, &value)) << name << "=" << given;
  }
}

TEST(StormTest, WhatWasToldAsConfirmedStaysAndAllAgree) {
  uint32_t seed = std::random_device()();
  uint32_t storms = 12;
  FromEnvironment("EVENKEEL_SEED", seed);
  FromEnvironment("EVENKEEL_STORMS", storms);
  printf("EVENKEEL_SEED=%u\n", seed);
  for (uint32_t i = 0; i < storms && !HasFailure(); ++i, ++seed) {
    SCOPED_TRACE(absl::StrCat("EVENKEEL_SEED=", seed));
    Storm(seed).Run(120);
  }
}

}  // namespace
}  // namespace evenkeel
