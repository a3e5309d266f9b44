// Trials that end by themselves, over a pipeline and a plane of the test's own.
#include "control/rollback/trial_guard.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "dataplane/forward/verdict.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

class TrialGuardTest : public testing::Test, protected ChangeRig {
 protected:
  TrialGuardTest() {
    EXPECT_FALSE(Now(Text({100, 100, 100})).refusal);
    for (int i = 0; i < 12; ++i) Second({100, 100, 100});
  }

  std::vector<ProbeReport> Answer(const std::vector<HealthTarget>& targets) {
    const std::lock_guard lock(mutex_);
    std::vector<ProbeReport> reports;
    for (const HealthTarget& target : targets) {
      ProbeReport& report = reports.emplace_back();
      report.target = target;
      if (!failing_.contains(target.backend)) continue;
      report.finding = ProbeFinding::kWrongAnswer;
      report.error = "connection refused";
    }
    return reports;
  }
  void Fail(std::set<std::string> backends) {
    const std::lock_guard lock(mutex_);
    failing_ = std::move(backends);
  }

  // So many new flows of `http` at each backend, five packets each.
  void Second(const std::vector<uint64_t>& flows) {
    now_.planes.clear();
    now_.reasons.resize(LB_REASON_COUNT);
    for (uint8_t b = 0; b < flows.size(); ++b) {
      const FlowKey key{NameId("http"),
                        BackendId(MapIpv4({10, 0, 1, static_cast<uint8_t>(11 + b)}))};
      now_.flows[key].new_flows += flows[b];
      now_.flows[key].packets += 5 * flows[b];
      now_.received += 5 * flows[b];
    }
    guard_.See(now_, alarms_, at_ += absl::Seconds(1));
  }
  // Real time passes until `condition`, traffic going on.
  template <typename Condition>
  bool Comes(const Condition& condition) {
    for (int i = 0; i < 1500 && !condition(); ++i) {
      Second({100, 100, 100, 100});
      absl::SleepFor(absl::Milliseconds(20));
    }
    return condition();
  }
  bool IsOnTrial() { return pipeline_->Trial().has_value(); }

  std::mutex mutex_;
  std::set<std::string> failing_;
  TrafficNow now_;
  std::vector<WatchAlarm> alarms_;
  absl::Time at_ = absl::FromUnixSeconds(1'790'000'000);
  std::map<std::string, double> rates_ = {{"http", 400}, {"dns", 400}};
  TrialGuard guard_{pipeline_.get(),
                    [this] {
                      return [this](const std::vector<HealthTarget>& targets, const Network&) {
                        return Answer(targets);
                      };
                    },
                    [this] { return rates_; }};
};

TEST_F(TrialGuardTest, TakesBackAChangeWhoseNewBackendRefuses) {
  Fail({"b4"});
  const ApplyOutcome tried = Try(Text({100, 100, 100, 100}));
  ASSERT_FALSE(tried.refusal) << tried.refusal->message;
  ASSERT_TRUE(Comes([&] { return !IsOnTrial(); }));
  EXPECT_EQ(StateOf(tried.revision), RevisionState::kRolledBack);
  EXPECT_EQ(PlaneRevision(), 1);
  const absl::StatusOr<std::vector<Revision>> history = pipeline_->History();
  EXPECT_TRUE(absl::StrContains(history->front().outcome, "on evidence: web/b4"))
      << history->front().outcome;
}

TEST_F(TrialGuardTest, LeavesAloneWhatFailsOnBothSides) {
  Fail({"b1", "b2", "b3", "b4"});
  ASSERT_FALSE(Try(Text({100, 100, 100, 100})).refusal);
  for (int i = 0; i < 200; ++i) {
    Second({100, 100, 100, 0});
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(IsOnTrial());
}

TEST_F(TrialGuardTest, NothingThatClientsSendEndsATrial) {
  ASSERT_FALSE(Try(Text({100, 100, 100, 100})).refusal);
  alarms_ = {{.kind = WatchKind::kFollowUp, .rule = "F41", .backend = "web/b4"},
             {.kind = WatchKind::kDistribution, .rule = "F34", .backend = "web/b4"}};
  now_.reasons[LB_REASON_too_big] = 1'000'000;
  now_.reasons[LB_REASON_truncated] = 1'000'000;
  for (int i = 0; i < 100; ++i) Second({10, 10, 10, 100'000});
  EXPECT_TRUE(IsOnTrial());
}

TEST_F(TrialGuardTest, TakesBackAChangeThatMakesPacketsBeDropped) {
  ASSERT_FALSE(Try(Text({100, 100, 90})).refusal);
  for (int i = 0; i < 6; ++i) {
    now_.reasons[LB_REASON_next_hop_unresolved] += 100;
    Second({100, 100, 100});
  }
  EXPECT_FALSE(IsOnTrial());
}

TEST_F(TrialGuardTest, TakesBackAChangeWhoseTableIsNotInThePlane) {
  ASSERT_FALSE(Try(Text({100, 100, 90})).refusal);
  alarms_ = {{.kind = WatchKind::kDistribution, .rule = "F55", .message = "slot 7"}};
  Second({100, 100, 100});
  EXPECT_FALSE(IsOnTrial());
}

TEST_F(TrialGuardTest, ConfirmsByItselfWhatIsProved) {
  const ApplyCall call{.content = Text({100, 100, 100, 100}), .reason = "test"};
  EXPECT_FALSE(guard_.WhyNotAuto(call)) << guard_.WhyNotAuto(call)->message;
  const ApplyOutcome tried = Try(call.content);
  ASSERT_FALSE(tried.refusal);
  guard_.ConfirmByItself(tried.revision);
  // `dns`, which b4 serves too, has no traffic: nothing is proved of it.
  for (int i = 0; i < 100; ++i) Second({100, 100, 100, 100});
  EXPECT_TRUE(IsOnTrial());
  now_.flows[{NameId("dns"), BackendId(MapIpv4({10, 0, 1, 14}))}].new_flows += 300;
  ASSERT_TRUE(Comes([&] { return !IsOnTrial(); }));
  EXPECT_EQ(StateOf(tried.revision), RevisionState::kConfirmed);
  EXPECT_EQ(PlaneRevision(), tried.revision);
}

TEST_F(TrialGuardTest, DoesNotConfirmWhatNobodyAskedItTo) {
  ASSERT_FALSE(Try(Text({100, 100, 100, 100})).refusal);
  now_.flows[{NameId("dns"), BackendId(MapIpv4({10, 0, 1, 14}))}].new_flows += 300;
  for (int i = 0; i < 100; ++i) Second({100, 100, 100, 100});
  EXPECT_TRUE(IsOnTrial());
}

class CanaryGuardTest : public TrialGuardTest {
 protected:
  ApplyOutcome Canary(const std::string& text) {
    return pipeline_->Apply({.content = text, .file = "", .reason = "test", .canary_percent = 5},
                            kAlice);
  }
  int Percent() {
    const std::optional<TrialView> trial = pipeline_->Trial();
    return trial ? trial->canary->percent : 0;
  }
};

TEST_F(CanaryGuardTest, WidensByItselfAndThenIsAnOrdinaryTrial) {
  ASSERT_FALSE(Canary(Text({100, 100, 100, 100})).refusal);
  ASSERT_TRUE(Comes([&] { return Percent() == 25; }));
  ASSERT_TRUE(Comes([&] { return Percent() == 100; }));
  for (int i = 0; i < 100; ++i) Second({100, 100, 100, 100});
  EXPECT_EQ(Percent(), 100);
  EXPECT_FALSE(pipeline_->Confirm(kAlice).refusal);
}

TEST_F(CanaryGuardTest, ConfirmsItselfAfterItsLastStage) {
  const ApplyOutcome tried = Canary(Text({100, 100, 100, 100}));
  guard_.ConfirmByItself(tried.revision);
  ASSERT_TRUE(Comes([&] { return Percent() == 100; }));
  now_.flows[{NameId("dns"), BackendId(MapIpv4({10, 0, 1, 14}))}].new_flows += 300;
  Second({100, 100, 100, 100});
  now_.flows[{NameId("dns"), BackendId(MapIpv4({10, 0, 1, 14}))}].new_flows += 300;
  ASSERT_TRUE(Comes([&] { return !IsOnTrial(); }));
  EXPECT_EQ(StateOf(tried.revision), RevisionState::kConfirmed);
}

TEST_F(CanaryGuardTest, GoesBackOnEvidenceWhileOnlyTheSliceFeltIt) {
  Fail({"b4"});
  const ApplyOutcome tried = Canary(Text({100, 100, 100, 100}));
  int widest = 0;
  ASSERT_TRUE(Comes([&] {
    widest = std::max(widest, Percent());
    return !IsOnTrial();
  }));
  EXPECT_EQ(widest, 5);
  EXPECT_EQ(StateOf(tried.revision), RevisionState::kRolledBack);
}

TEST_F(CanaryGuardTest, WaitsForFlowsAndSaysSo) {
  ASSERT_FALSE(Canary(Text({100, 100, 100, 100})).refusal);
  for (int i = 0; i < 100; ++i) {
    Second({100, 100, 100, 0});
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(Percent(), 5);
  EXPECT_TRUE(absl::StrContains(pipeline_->Trial()->canary->waits_for, "b4"))
      << pipeline_->Trial()->canary->waits_for;
}

// New flows come to b4, and nothing follows them.
TEST_F(CanaryGuardTest, WaitsWhereTheSliceIsFollowedUpWorseThanTheRest) {
  ASSERT_FALSE(Canary(Text({100, 100, 100, 100})).refusal);
  const FlowKey b4{NameId("http"), BackendId(MapIpv4({10, 0, 1, 14}))};
  for (int i = 0; i < 100; ++i) {
    now_.flows[b4].new_flows += 50;
    now_.flows[b4].packets += 50;
    Second({100, 100, 100});
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(Percent(), 5);
  EXPECT_TRUE(absl::StrContains(pipeline_->Trial()->canary->waits_for, "packets follow"))
      << pipeline_->Trial()->canary->waits_for;
}

TEST_F(TrialGuardTest, SaysWhyATrialCouldNotConfirmItself) {
  ApplyCall call{.content = Text({100, 100, 100, 100}), .reason = "test"};
  rates_.clear();
  ASSERT_TRUE(guard_.WhyNotAuto(call));
  EXPECT_EQ(guard_.WhyNotAuto(call)->code, "refused");
  rates_ = {{"http", 0.1}, {"dns", 0.1}};
  ASSERT_TRUE(guard_.WhyNotAuto(call));
  EXPECT_TRUE(absl::StrContains(guard_.WhyNotAuto(call)->message, "lowest rate"))
      << guard_.WhyNotAuto(call)->message;
}

}  // namespace
}  // namespace evenkeel
