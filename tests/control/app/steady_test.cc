// What evenkeeld publishes between changes, over a plane and a clock of the test's own: backends
// that fall and come back, during a trial too; tails that end; what a restart finds.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

class SteadyTest : public testing::Test, protected ChangeRig {
 protected:
  SteadyTest() {
    EXPECT_FALSE(Now(Checked({10, 10, 10, 10})).refusal);
    for (size_t b = 0; b < 4; b++) Verdict(b, true);
    pipeline_->Settle();
  }

  std::string Checked(const std::vector<uint32_t>& weights) {
    return absl::StrReplaceAll(Text(weights), {{"    forward: ipip\n",
                                                "    forward: ipip\n"
                                                "    health: {tcp: {port: 80}}\n"}});
  }
  void Verdict(size_t backend, bool passes, bool path_alive = true) {
    HealthVerdict verdict;
    verdict.target =
        std::make_shared<HealthTarget>(HealthTargetsOf(pipeline_->Running()->config)[backend]);
    verdict.passing = passes;
    verdict.path_alive = path_alive;
    verdict.last_error = passes ? "" : "connection refused";
    pipeline_->Take(verdict);
  }
  std::shared_ptr<const ImageView> PlaneImage() { return ImageOfRunning(); }
  std::shared_ptr<const ImageView> ImageOfRunning() {
    const RunningPtr running = pipeline_->Running();
    EXPECT_EQ(running->generation, plane_.running()->generation);
    return running->compiled->image;
  }
  uint16_t IndexOf(const ImageView& image, size_t backend) {
    const Address address = pipeline_->Running()->config.pools[0].backends[backend].address.bytes();
    for (uint16_t i = 0; i < image.backends().size(); i++) {
      if (std::equal(address.begin(), address.end(), image.backends()[i].address)) return i;
    }
    return LB_NONE;
  }
  static size_t SlotsOf(const ImageView& image, uint16_t index) {
    const auto slots = image.tables()[image.pools()[0].table]->slots();
    return static_cast<size_t>(std::ranges::count(slots, index, lb_slot_backend));
  }
};

TEST_F(SteadyTest, ATrialTakenBackEarlyIsBackAtOnceAndItsWindowsBeginThen) {
  const ApplyOutcome trial = Try(Checked({10, 10, 10, 30}));
  ASSERT_FALSE(trial.refusal) << trial.refusal->message;
  clock_.Advance(absl::Seconds(70));  // what the trial has armed is over
  const size_t trials = plane_.offered_trials().size();
  const ApplyOutcome back = pipeline_->Rollback({}, kBob);
  EXPECT_EQ(back.generation, trial.generation + 1) << "what lay in the plane";
  EXPECT_EQ(plane_.running()->generation, back.generation);
  EXPECT_EQ(plane_.offered_trials().size(), trials) << "nothing was made first";

  const uint64_t now = clock_.BootNs();
  const auto latest = [this] {
    uint64_t armed = 0, open = 0;
    for (const lb_transition& transition : PlaneImage()->transitions()) {
      armed = std::max(armed, transition.armed_until_ns);
      open = std::max(open, transition.open_until_ns);
    }
    return std::pair(armed, open);
  };
  EXPECT_GT(latest().first, now + 61 * kSecondNs) << "made for the deadline";
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(plane_.running()->generation, back.generation + 1);
  EXPECT_EQ(latest().first, now + 60 * kSecondNs);
  EXPECT_LE(latest().second, now + 900 * kSecondNs);
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(plane_.running()->generation, back.generation + 1) << "once";
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(SteadyTest, ABackendThatFallsLosesItsSlotsAtOnceAndGetsThemBack) {
  const uint64_t before = plane_.running()->generation;
  Verdict(1, false);
  pipeline_->Settle();
  auto image = PlaneImage();
  EXPECT_GT(plane_.running()->generation, before);
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 1)), 0u);
  EXPECT_EQ(image->backends()[IndexOf(*image, 1)].state, LB_BACKEND_SUSPECT);
  EXPECT_EQ(pipeline_->standings().Trouble(
                "web", pipeline_->Running()->config.pools[0].backends[1].address.bytes()),
            "connection refused");
  Verdict(1, true);
  pipeline_->Settle();
  image = PlaneImage();
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 1)), 1024u);
  EXPECT_EQ(pipeline_->Running()->revision, 1) << "health makes no revision";
}

TEST_F(SteadyTest, NothingNewIsNothingPublished) {
  const size_t offered = plane_.offered();
  Verdict(1, true);
  Advance(absl::Minutes(3));
  EXPECT_EQ(plane_.offered(), offered);
}

TEST_F(SteadyTest, TheHoldMakesItDeadWithoutAnotherVerdict) {
  Verdict(1, false, false);
  pipeline_->Settle();
  Advance(absl::Seconds(31));
  const auto image = PlaneImage();
  EXPECT_EQ(image->backends()[IndexOf(*image, 1)].state, LB_BACKEND_DEAD);
}

TEST_F(SteadyTest, AllFailingAtOnceIsAnAlarmAndTrafficFlows) {
  for (size_t b = 0; b < 4; b++) Verdict(b, false);
  pipeline_->Settle();
  const std::vector<ControlAlarm> alarms = pipeline_->Alarms();
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].rule, "F17");
  const auto image = PlaneImage();
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 2)) + SlotsOf(*image, IndexOf(*image, 3)), 4096u);
  for (size_t b = 0; b < 4; b++) Verdict(b, true);
  pipeline_->Settle();
  Advance(absl::Seconds(61));
  EXPECT_TRUE(pipeline_->Alarms().empty());
}

TEST_F(SteadyTest, ARestartFindsWhatRunsAndChangesNoByte) {
  Verdict(1, false);
  pipeline_->Settle();
  Advance(absl::Minutes(2));
  ASSERT_FALSE(Now(Checked({10, 10, 10, 12})).refusal);
  const PublicationPtr before = plane_.running();
  const size_t offered = plane_.offered();
  clock_.Advance(absl::Minutes(20));
  Restart();
  EXPECT_EQ(plane_.offered(), offered);
  EXPECT_EQ(plane_.running(), before);
  const auto image = PlaneImage();
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 1)), 0u);
  Advance(absl::Minutes(1));
  EXPECT_EQ(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 1)), 0u) << "no verdict, no change";
  Verdict(1, true);
  pipeline_->Settle();
  EXPECT_GT(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 1)), 0u);
}

TEST_F(SteadyTest, HealthDuringATrialRenewsBothImagesUnderTheSameTrial) {
  ASSERT_FALSE(Try(Checked({10, 10, 10, 12})).refusal);
  const TrialPublication first = plane_.offered_trials().back();
  Verdict(1, false);
  pipeline_->Settle();
  ASSERT_EQ(plane_.offered_trials().size(), 2u);
  const TrialPublication second = plane_.offered_trials().back();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.image->generation, first.way_back->generation + 1);
  EXPECT_EQ(second.way_back->generation, second.image->generation + 1);
  EXPECT_EQ(plane_.State().trial->deadline_ns, first.deadline_ns);
  const auto image = PlaneImage();
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 1)), 0u);

  Advance(absl::Minutes(6));  // nobody confirms
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  const auto back = PlaneImage();
  EXPECT_EQ(back->generation(), second.way_back->generation);
  EXPECT_EQ(SlotsOf(*back, IndexOf(*back, 1)), 0u) << "today's overlay";
  EXPECT_GT(back->transitions().size(), 1u) << "what began during the trial";
}

TEST_F(SteadyTest, ARestartDuringATrialFindsItAgain) {
  Verdict(1, false);
  pipeline_->Settle();
  ASSERT_FALSE(Try(Checked({10, 10, 10, 12})).refusal);
  const uint64_t generation = PlaneImage()->generation();
  Advance(absl::Minutes(1));
  Restart();
  EXPECT_EQ(PlaneImage()->generation(), generation) << "nothing is published";
  Verdict(2, false);
  pipeline_->Settle();
  EXPECT_EQ(plane_.offered_trials().back().image->generation, generation + 2);
  EXPECT_EQ(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 2)), 0u);
  Advance(absl::Minutes(6));
  EXPECT_EQ(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 2)), 0u);
  EXPECT_EQ(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 1)), 0u);
  EXPECT_GT(PlaneImage()->transitions().size(), 1u);
}

// Connections that began elsewhere while a backend was out, by tables whose taking was never heard.
TEST_F(SteadyTest, ATrialIsConfirmedOverWhatItsPlaneTookUnheard) {
  ASSERT_FALSE(Try(Checked({10, 10, 10, 10}) + "# again\n").refusal);
  plane_.AnswerNext(absl::DeadlineExceededError("no answer"), true);
  Verdict(1, false);
  EXPECT_FALSE(pipeline_->Settle());
  Verdict(1, true);
  EXPECT_TRUE(pipeline_->Confirm(kAlice).refusal) << "its plane is away";
  plane_.Connect();
  EXPECT_TRUE(pipeline_->Settle());
  EXPECT_EQ(StateOf(2), RevisionState::kConfirmed);
  const auto image = PlaneImage();
  const auto slots = image->tables()[image->pools()[0].table]->slots();
  const uint16_t back = IndexOf(*image, 1);
  EXPECT_EQ(SlotsOf(*image, back), 1024u);
  EXPECT_EQ(std::ranges::count_if(slots,
                                  [&](lb_slot slot) {
                                    return lb_slot_backend(slot) == back &&
                                           lb_slot_transition(slot) == 0;
                                  }),
            0);
}

TEST_F(SteadyTest, ATrialAddsABackendThatWaitsForItsFirstVerdict) {
  ASSERT_FALSE(Try(Checked({10, 10, 10, 10, 10})).refusal);
  auto image = PlaneImage();
  EXPECT_EQ(SlotsOf(*image, IndexOf(*image, 4)), 0u);
  Verdict(4, true);
  pipeline_->Settle();
  image = PlaneImage();
  EXPECT_GT(SlotsOf(*image, IndexOf(*image, 4)), 700u);
  ASSERT_FALSE(pipeline_->Confirm(kAlice).refusal);
  EXPECT_GT(SlotsOf(*PlaneImage(), IndexOf(*PlaneImage(), 4)), 700u);
}

TEST_F(SteadyTest, APlanTriesTheChecksWhenItIsAskedTo) {
  const std::string text = Checked({10, 10, 10, 11});
  const absl::StatusOr<Plan> plan = pipeline_->PlanChange({.content = text});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(probes_.empty());
  EXPECT_EQ(plan->verdict, Verdict::kAllow);

  probe_finds_ = {{.rule = "F14", .severity = Severity::kError, .path = "pools.web.health"}};
  const absl::StatusOr<Plan> probed =
      pipeline_->PlanChange({.content = text, .probe_within = absl::Seconds(3)});
  ASSERT_TRUE(probed.ok()) << probed.status();
  EXPECT_EQ(probes_, std::vector{absl::Seconds(3)});
  EXPECT_EQ(probed->verdict, Verdict::kRefuse);
  EXPECT_TRUE(std::ranges::any_of(probed->findings,
                                  [](const Finding& f) { return f.path == "pools.web.health"; }));
  EXPECT_EQ(probed->digest, plan->digest) << "apply does not ask backends again";

  ASSERT_TRUE(pipeline_->PlanChange({.content = "no", .probe_within = absl::Seconds(3)}).ok());
  EXPECT_EQ(probes_.size(), 1u) << "there is nothing to try";
}

}  // namespace
}  // namespace evenkeel
