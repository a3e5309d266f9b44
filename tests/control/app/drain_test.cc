// Drains beside the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DrainTest : public testing::Test, protected ChangeRig {
 protected:
  DrainTest() { EXPECT_FALSE(Now(Text({10, 10, 10, 10}, kGuarded)).refusal); }

  ApplyOutcome Drain(const std::string& backend, bool force = false,
                     std::optional<absl::Time> until = std::nullopt) {
    return pipeline_->Drain(
        {.pool = "web", .backend = backend, .reason = "fans", .until = until, .force = force},
        kBob);
  }
  ApplyOutcome Undrain(const std::string& backend) {
    return pipeline_->Undrain({.pool = "web", .backend = backend, .reason = "done"}, kBob);
  }
  std::vector<uint32_t> Quotas() { return pipeline_->Running()->compiled->pools[0].quotas; }

  static constexpr char kGuarded[] = "weight_ratio: 2000";
};

TEST_F(DrainTest, TakesTheSlotsAndLivesBesideTheFile) {
  const ApplyOutcome outcome = Drain("b2");
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.state, ChangeState::kConfirmed);
  EXPECT_EQ(outcome.revision, 2);
  EXPECT_EQ(Quotas()[1], 0u);
  EXPECT_EQ(pipeline_->Show(2)->content, pipeline_->Show(1)->content);
  ASSERT_EQ(pipeline_->Drains().size(), 1u);
  EXPECT_EQ(pipeline_->Drains()[0].backend, "b2");
  EXPECT_FALSE(pipeline_->Drains()[0].by_file);
  Restart();
  EXPECT_EQ(plane_.offered(), 2u) << "the same images are made again";
  EXPECT_EQ(Quotas()[1], 0u);
}

TEST_F(DrainTest, IsKeptByLaterAppliesAndEndsWithUndrain) {
  Drain("b2");
  ASSERT_FALSE(Now(Text({10, 10, 10, 12}, kGuarded)).refusal);
  EXPECT_EQ(Quotas()[1], 0u);
  EXPECT_EQ(
      pipeline_->PlanChange({.content = Text({10, 10, 10, 13}, kGuarded)})->pools[0].drained.size(),
      1u);
  const ApplyOutcome outcome = Undrain("b2");
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_GT(Quotas()[1], 0u);
  EXPECT_TRUE(pipeline_->Drains().empty());
}

TEST_F(DrainTest, EndsWithItsBackend) {
  Drain("b4");
  ASSERT_FALSE(Now(Text({10, 10, 10})).refusal);
  ASSERT_FALSE(Now(Text({10, 10, 10, 10})).refusal);
  EXPECT_GT(Quotas()[3], 0u) << "a new backend of that name is another one";
}

TEST_F(DrainTest, IsRefusedByTheGuardsUnlessForced) {
  ASSERT_FALSE(Drain("b1").refusal);
  const ApplyOutcome second = Drain("b2");
  ASSERT_TRUE(second.refusal);
  EXPECT_THAT(second.refusal->message, HasSubstr("F12"));
  EXPECT_THAT(second.refusal->hint, HasSubstr("--force"));
  const ApplyOutcome forced = Drain("b2", /*force=*/true);
  ASSERT_FALSE(forced.refusal) << forced.refusal->message;
  absl::StatusOr<Database> database = Database::OpenToRead(dir_ / "control.db");
  absl::StatusOr<Statement> read =
      database->Prepare("SELECT text FROM audit WHERE event = 'drain' ORDER BY entry DESC");
  ASSERT_TRUE(*read->Step());
  EXPECT_THAT(read->Text(0), HasSubstr("forced past the guards"));
}

TEST_F(DrainTest, NeverEmptiesAPool) {
  for (const char* backend : {"b1", "b2", "b3"}) ASSERT_FALSE(Drain(backend, true).refusal);
  const ApplyOutcome last = Drain("b4", true);
  ASSERT_TRUE(last.refusal);
  EXPECT_EQ(last.refusal->code, "invalid");
}

TEST_F(DrainTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(Drain("b9").refusal->code, "not_found");
  EXPECT_EQ(Undrain("b1").refusal->code, "refused");
  EXPECT_EQ(pipeline_->Drain({.pool = "web", .backend = "b1"}, kBob).refusal->code, "usage");
  EXPECT_EQ(Drain("b1", false, clock_.Now()).refusal->code, "usage");
  const std::string by_file = SampleConfig({.key_file = dir_ / "cluster.key",
                                            .weights = {10, 10, 10, 10},
                                            .slots = 4096,
                                            .drained = "b3"});
  ASSERT_FALSE(Now(by_file).refusal);
  EXPECT_THAT(Drain("b3").refusal->message, HasSubstr("the file drains"));
  EXPECT_THAT(Undrain("b3").refusal->message, HasSubstr("the file drains"));
}

TEST_F(DrainTest, PastItsEndAlarmsAndBlocksTheNextApply) {
  ASSERT_FALSE(Drain("b2", false, clock_.Now() + absl::Hours(1)).refusal);
  Advance(absl::Hours(2));
  EXPECT_EQ(Quotas()[1], 0u) << "time changes no table";
  const std::vector<ControlAlarm> alarms = pipeline_->Alarms();
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].rule, "F63");
  EXPECT_EQ(alarms[0].backend, "web/b2");
  const ApplyOutcome refused = Now(Text({10, 10, 10, 12}, kGuarded));
  ASSERT_TRUE(refused.refusal);
  EXPECT_EQ(refused.refusal->code, "invalid");
  EXPECT_TRUE(std::any_of(refused.findings.begin(), refused.findings.end(), [](const Finding& f) {
    return f.rule == "F63" && f.severity == Severity::kError;
  }));
  ASSERT_FALSE(Drain("b2", false, clock_.Now() + absl::Hours(1)).refusal) << "another end";
  EXPECT_FALSE(Now(Text({10, 10, 10, 12}, kGuarded)).refusal);
  Advance(absl::Hours(2));
  ASSERT_FALSE(Undrain("b2").refusal);
  EXPECT_FALSE(Now(Text({10, 10, 10, 13}, kGuarded)).refusal);
  EXPECT_TRUE(pipeline_->Audit().ok);
  EXPECT_TRUE(pipeline_->Alarms().empty());
}

// Connections of b2, all of them heard of now.
class DrainProgressTest : public DrainTest {
 protected:
  void Connect(int count) {
    const ImageView& image = *pipeline_->Running()->compiled->image;
    const Address address = pipeline_->Running()->config.pools[0].backends[1].address.bytes();
    uint32_t index = 0;
    while (!std::equal(address.begin(), address.end(), image.backends()[index].address)) index++;
    std::vector<uint64_t> entries;
    for (int i = 0; i < count; i++) {
      entries.push_back(lb_entry(static_cast<uint32_t>(i) << 20, index, lb_tick_of(clock_.BootNs()),
                                 LB_ENTRY_FIRM));
    }
    plane_.SetFlows(entries);
  }
  DrainProgress Progress() { return pipeline_->Drains().at(0).progress; }
};

TEST_F(DrainProgressTest, TellsWhoIsLeftAndWhenItWillBeDone) {
  ASSERT_FALSE(Drain("b2").refusal);
  EXPECT_FALSE(Progress().connections_left) << "nobody has looked yet";
  clock_.Advance(absl::Minutes(1));
  Connect(80);
  pipeline_->Settle();
  EXPECT_EQ(Progress().connections_left, 80u);
  EXPECT_FALSE(Progress().done_at) << "not before some have ended";
  clock_.Advance(absl::Minutes(10));
  Connect(40);
  pipeline_->Settle();
  EXPECT_EQ(Progress().connections_left, 40u);
  // Half of them end in ten minutes: the last of forty in 10 min * (ln 40 + 0.577) / ln 2.
  const absl::Duration left = *Progress().done_at - clock_.Now();
  EXPECT_NEAR(absl::ToDoubleMinutes(left), 61.5, 0.5);

  clock_.Advance(absl::Minutes(30));
  Connect(0);
  pipeline_->Settle();
  EXPECT_EQ(Progress().connections_left, 0u);
  const absl::Time done = clock_.Now();
  EXPECT_EQ(Progress().done_at, done);
  Advance(absl::Minutes(1));
  EXPECT_EQ(Progress().done_at, done) << "since when";
}

TEST_F(DrainProgressTest, IsNotDoneWhileAConnectionMaySpeakUp) {
  ASSERT_FALSE(Drain("b2").refusal);
  clock_.Advance(absl::Minutes(1));
  Connect(0);
  pipeline_->Settle();
  EXPECT_EQ(Progress().connections_left, 0u);
  EXPECT_EQ(*Progress().done_at - clock_.Now(), absl::Minutes(14)) << "idle";
}

TEST_F(DrainProgressTest, LongerThanThePoolAllowsIsAnAlarmUntilItIsDone) {
  ASSERT_FALSE(Drain("b2").refusal);
  clock_.Advance(absl::Minutes(14));
  Connect(3);
  pipeline_->Settle();
  EXPECT_TRUE(pipeline_->Alarms().empty());
  clock_.Advance(absl::Minutes(2));
  Connect(3);
  pipeline_->Settle();
  const std::vector<ControlAlarm> alarms = pipeline_->Alarms();
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].rule, "F19");
  EXPECT_EQ(alarms[0].backend, "web/b2");
  EXPECT_THAT(alarms[0].message, HasSubstr("longer than the 15m"));
  Connect(0);
  Advance(absl::Seconds(20));
  EXPECT_TRUE(pipeline_->Alarms().empty());
}

TEST_F(DrainProgressTest, AnUndrainEndsTheAlarmAndTheForecast) {
  ASSERT_FALSE(Drain("b2").refusal);
  clock_.Advance(absl::Minutes(16));
  Connect(3);
  pipeline_->Settle();
  ASSERT_EQ(pipeline_->Alarms().size(), 1u);
  ASSERT_FALSE(Undrain("b2").refusal);
  Advance(absl::Seconds(20));
  EXPECT_TRUE(pipeline_->Alarms().empty());
  ASSERT_FALSE(Drain("b2").refusal);
  EXPECT_FALSE(Progress().connections_left);
}

}  // namespace
}  // namespace evenkeel
