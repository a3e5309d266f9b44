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

}  // namespace
}  // namespace evenkeel
