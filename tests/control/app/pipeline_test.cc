#include "control/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/control/app/sample_config.h"
#include "tests/control/app/temp_dir.h"
#include "tests/control/publish/fake_sink.h"

namespace evenkeel {
namespace {

const Who kAlice{.uid = 1000, .name = "alice"};

template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    StartControl();
    plane_.Connect();
  }

  // A daemon that is started (again) over the same state directory and plane.
  void StartControl() {
    StopControl();
    plane_.ForgetOffers();
    store_ = *Store::Open(dir_.path());
    absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
        Pipeline::Create(store_.get(), {&plane_},
                         {.retry_interval = absl::Milliseconds(20),
                          .flow_table_entries = [] { return uint64_t{1000}; }});
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    pipeline_ = *std::move(pipeline);
    pipeline_->Start();
  }
  void StopControl() {
    plane_.Stop();
    pipeline_.reset();
    store_.reset();
  }
  void RestartControl() {
    plane_.Disconnect();
    StartControl();
    plane_.Connect();
  }

  std::string Text(const std::vector<uint32_t>& weights) {
    return SampleConfig({.key_file = dir_ / "cluster.key", .weights = weights, .slots = 4096});
  }
  ApplyOutcome Apply(const std::string& text) {
    return pipeline_->Apply(
        {.content = text, .file = "/etc/e.yaml", .reason = "test", .confirm = "now"}, kAlice);
  }
  ApplyOutcome ApplyWeights(const std::vector<uint32_t>& weights) { return Apply(Text(weights)); }

  int64_t PlaneRevision() { return plane_.running() == nullptr ? 0 : plane_.running()->revision; }

  TempDir dir_;
  FakeSink plane_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineTest, RunsNothingAtFirst) {
  EXPECT_EQ(pipeline_->Running(), nullptr);
  EXPECT_EQ(plane_.offered(), 0u);
}

TEST_F(PipelineTest, PublishesAndRecordsWhatIsApplied) {
  const ApplyOutcome outcome = ApplyWeights({1, 2, 7});
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.revision, 1);
  EXPECT_EQ(outcome.generation, 1u);
  EXPECT_EQ(PlaneRevision(), 1);
  const Revision stored = **store_->Running();
  EXPECT_EQ(stored.who, kAlice);
  EXPECT_EQ(stored.reason, "test");
  EXPECT_EQ(stored.file, "/etc/e.yaml");
  EXPECT_EQ(stored.content, Text({1, 2, 7}));
  EXPECT_EQ(stored.base_revision, 0);
}

TEST_F(PipelineTest, DoesNothingForTheSameContentAgain) {
  ApplyWeights({1, 2, 7});
  const ApplyOutcome again = ApplyWeights({1, 2, 7});
  ASSERT_FALSE(again.refusal);
  EXPECT_EQ(again.revision, 1);
  EXPECT_EQ(again.generation, 1u);
  EXPECT_EQ(plane_.offered(), 1u);
}

TEST_F(PipelineTest, RefusesAFileWithErrorsAndTellsThemAll) {
  const ApplyOutcome outcome = Apply("schema: evenkeel/v1\nbogus: 1\n");
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "invalid");
  EXPECT_FALSE(outcome.findings.empty());
  EXPECT_EQ(plane_.offered(), 0u);
  EXPECT_EQ(*store_->NextRevision(), 1);
}

TEST_F(PipelineTest, RefusesAWayOfConfirmingThatItDoesNotKnow) {
  const ApplyOutcome outcome = pipeline_->Apply(
      {.content = Text({1, 1}), .file = "f", .reason = "r", .confirm = "soon"}, kAlice);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "usage");
}

TEST_F(PipelineTest, ConfirmsAndRollsBackNothingWithoutATrial) {
  ApplyWeights({1, 1});
  for (const ApplyOutcome& outcome :
       {pipeline_->Confirm(kAlice), pipeline_->Rollback({.to = {}, .reason = "r"}, kAlice)}) {
    ASSERT_TRUE(outcome.refusal);
    EXPECT_EQ(outcome.refusal->code, "refused");
    EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "on trial"));
  }
}

TEST_F(PipelineTest, TellsWhatAChangeWouldDoToWhatRuns) {
  ApplyWeights({1, 1});
  const absl::StatusOr<Plan> plan = pipeline_->PlanChange({.content = Text({1, 3}), .file = "f"});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->base_revision, 1);
  EXPECT_NEAR(plan->services.at(0).backends.at(1).after, 0.75, 0.001);
  const auto warns_of_flows = [&](double rate) {
    const absl::StatusOr<Plan> busy = pipeline_->PlanChange(
        {.content = Text({1, 3}), .new_flows = {{plan->services.at(0).name, rate}}});
    return std::ranges::any_of(busy->findings, [](const Finding& f) { return f.rule == "F35"; });
  };
  EXPECT_FALSE(warns_of_flows(0.1));
  EXPECT_TRUE(warns_of_flows(100)) << "of what the planes can follow";
  const absl::StatusOr<Plan> broken =
      pipeline_->PlanChange({.content = "schema: 1\n", .file = "f"});
  ASSERT_TRUE(broken.ok()) << broken.status();
  EXPECT_EQ(broken->verdict, Verdict::kRefuse);
  EXPECT_FALSE(broken->findings.empty());
}

TEST_F(PipelineTest, AsksForAReason) {
  const ApplyOutcome outcome =
      pipeline_->Apply({.content = Text({1, 1}), .file = "f", .confirm = "now"}, kAlice);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "usage");
}

TEST_F(PipelineTest, RefusesABaseThatHasMoved) {
  ApplyWeights({1, 1});
  const ApplyOutcome outcome = pipeline_->Apply(
      {.content = Text({1, 2}), .file = "f", .reason = "r", .confirm = "now", .base_revision = 0},
      kAlice);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "base has moved"));
  EXPECT_EQ(PlaneRevision(), 1);
}

TEST_F(PipelineTest, RefusesToChangeWithoutAPlane) {
  plane_.Disconnect();
  const ApplyOutcome outcome = ApplyWeights({1, 1});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "unavailable");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "cluster.key")) << "something was changed";
  EXPECT_EQ(*store_->NextRevision(), 1);
}

TEST_F(PipelineTest, KeepsTheFormerRevisionWhenThePlaneRefuses) {
  ApplyWeights({1, 1});
  plane_.AnswerNext(absl::InvalidArgumentError("slot 7 names backend 9, which does not exist"));
  const ApplyOutcome outcome = ApplyWeights({1, 2});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "refused");
  EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "slot 7 names backend 9"));
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ((*store_->Find(2))->state, RevisionState::kFailed);
  const ApplyOutcome next = ApplyWeights({1, 3});
  ASSERT_FALSE(next.refusal) << next.refusal->message;
  EXPECT_EQ(next.revision, 3);
  EXPECT_EQ(next.generation, 3u);
}

TEST_F(PipelineTest, TakesBackWhatASilentPlaneInstalledAllTheSame) {
  ApplyWeights({1, 1});
  plane_.AnswerNext(absl::DeadlineExceededError("no answer for 4 s"), /*takes=*/true);
  const ApplyOutcome outcome = ApplyWeights({1, 1, 1});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "unavailable");
  ASSERT_EQ(PlaneRevision(), 2);
  plane_.Connect();
  ASSERT_TRUE(Eventually([&] { return PlaneRevision() == 1; }));
  EXPECT_EQ(plane_.running()->generation, 3u);
  ASSERT_TRUE(Eventually([&] { return pipeline_->Running()->generation == 3; }));
  // The third backend's index stays its own until its flows are gone.
  EXPECT_EQ(pipeline_->Running()->compiled->image->backends().size(), 3u);
}

TEST_F(PipelineTest, AdoptsWhatThePlaneRunsAfterARestart) {
  ApplyWeights({1, 1});
  ApplyWeights({1, 2});
  ApplyWeights({1, 2, 3});
  RestartControl();
  ASSERT_TRUE(Eventually([&] { return pipeline_->Running() != nullptr; }));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(plane_.offered(), 0u) << "a restart published something";
  EXPECT_EQ(pipeline_->Running()->revision, 3);
  EXPECT_EQ(pipeline_->Running()->generation, 3u);
  const ApplyOutcome next = ApplyWeights({2, 2, 3});
  ASSERT_FALSE(next.refusal) << next.refusal->message;
  EXPECT_EQ(next.generation, 4u);
}

TEST_F(PipelineTest, AdoptsAlsoWithBackendsThatAreLeaving) {
  ApplyWeights({1, 2, 3});
  ApplyWeights({1, 2});
  RestartControl();
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(plane_.offered(), 0u);
}

TEST_F(PipelineTest, PublishesAgainToAPlaneThatForgot) {
  ApplyWeights({1, 2});
  plane_.Disconnect();
  plane_.Forget();
  plane_.Connect();
  ASSERT_TRUE(Eventually([&] { return PlaneRevision() == 1; }));
  EXPECT_EQ(plane_.running()->generation, 2u);
  ASSERT_TRUE(Eventually([&] { return pipeline_->Running()->generation == 2; }));
}

TEST_F(PipelineTest, PublishesAgainToAPlaneThatRunsAnOlderRevision) {
  ApplyWeights({1, 2});
  const PublicationPtr old = plane_.running();
  ApplyWeights({1, 3});
  plane_.Disconnect();
  plane_.Run(old);
  plane_.Connect();
  ASSERT_TRUE(Eventually([&] { return PlaneRevision() == 2; }));
  EXPECT_EQ(plane_.running()->generation, 3u);
}

TEST_F(PipelineTest, TriesAgainWhenAPlaneCannotBeBroughtUpToDate) {
  ApplyWeights({1, 2});
  plane_.Disconnect();
  plane_.Forget();
  plane_.AnswerNext(absl::InvalidArgumentError("out of memory"));
  plane_.Connect();
  ASSERT_TRUE(Eventually([&] { return PlaneRevision() == 1; }));
}

TEST_F(PipelineTest, ConfirmsAfterAKillWhatThePlaneHadTaken) {
  ApplyWeights({1, 2});
  // As if killed between the plane's acknowledgement and the confirmation.
  const ApplyOutcome second = ApplyWeights({1, 3});
  ASSERT_FALSE(second.refusal);
  StopControl();
  ASSERT_TRUE(Database::Open(dir_ / "control.db")
                  ->Execute("UPDATE revisions SET state = 'pending' WHERE revision = 2;"
                            "INSERT INTO leases SELECT 1, backend_index, pool, address, "
                            "release_after_us FROM leases WHERE revision = 2")
                  .ok());
  plane_.Disconnect();
  StartControl();
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  plane_.Connect();
  ASSERT_TRUE(Eventually([&] { return pipeline_->Running()->revision == 2; }));
  EXPECT_EQ(plane_.offered(), 0u);
}

TEST_F(PipelineTest, AbandonsAfterAKillWhatNoPlaneHadTaken) {
  ApplyWeights({1, 2});
  StopControl();
  ASSERT_TRUE(
      Database::Open(dir_ / "control.db")
          ->Execute("INSERT INTO revisions(revision, state, verb, at_us, uid, who, reason, file, "
                    "content, digest, base_revision, generation) "
                    "SELECT 2, 'pending', verb, at_us, uid, who, reason, file, content, 'x', 1, 2 "
                    "FROM revisions")
          .ok());
  plane_.Disconnect();
  StartControl();
  plane_.Connect();
  const ApplyOutcome outcome = ApplyWeights({1, 4});
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.revision, 3);
  EXPECT_EQ((*store_->Find(2))->state, RevisionState::kFailed);
}

TEST_F(PipelineTest, LeavesAPlaneAloneOfWhichItsStateKnowsNothing) {
  ApplyWeights({1, 2, 3});
  StopControl();
  std::filesystem::remove(dir_ / "control.db");
  std::filesystem::remove(dir_ / "control.db-wal");
  std::filesystem::remove(dir_ / "control.db-shm");
  RestartControl();
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(plane_.offered(), 0u);
  EXPECT_EQ(pipeline_->Running(), nullptr);
  const ApplyOutcome outcome = ApplyWeights({1, 2, 3});
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(outcome.generation, 2u) << "generations go on above what the plane runs";
}

TEST_F(PipelineTest, DoesNotOverwriteANewerRevisionThanItsBackupKnows) {
  ApplyWeights({1, 2});
  StopControl();
  std::filesystem::copy(dir_ / "control.db", dir_ / "backup.db");
  StartControl();
  plane_.Connect();
  ApplyWeights({1, 3});
  ApplyWeights({1, 4});
  StopControl();
  for (const char* file : {"control.db", "control.db-wal", "control.db-shm"}) {
    std::filesystem::remove(dir_ / file);
  }
  std::filesystem::rename(dir_ / "backup.db", dir_ / "control.db");
  RestartControl();
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(plane_.offered(), 0u);
  EXPECT_EQ(PlaneRevision(), 3);
  // A person who says that the old content is meant is believed.
  const ApplyOutcome outcome = ApplyWeights({1, 2});
  ASSERT_FALSE(outcome.refusal) << outcome.refusal->message;
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(outcome.generation, 4u);
}

TEST_F(PipelineTest, TakesBackWhatCannotBeRecorded) {
  ApplyWeights({1, 2});
  absl::StatusOr<Database> other = Database::Open(dir_ / "control.db");
  ASSERT_TRUE(other
                  ->Execute("CREATE TRIGGER full BEFORE UPDATE OF state ON revisions "
                            "WHEN NEW.state = 'confirmed' "
                            "BEGIN SELECT RAISE(ABORT, 'disk full'); END")
                  .ok());
  const ApplyOutcome outcome = ApplyWeights({1, 3});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "internal");
  EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "disk full"));
  EXPECT_EQ(PlaneRevision(), 1);
  EXPECT_EQ(plane_.running()->generation, 3u);
  ASSERT_TRUE(other->Execute("DROP TRIGGER full").ok());
  EXPECT_FALSE(ApplyWeights({1, 3}).refusal);
}

TEST_F(PipelineTest, RefusesAnotherKey) {
  ApplyWeights({1, 2});
  std::ofstream(dir_ / "cluster.key") << "000102030405060708090a0b0c0d0e0f\n";
  ApplyOutcome outcome = ApplyWeights({1, 3});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "F32")) << outcome.refusal->message;
  std::filesystem::remove(dir_ / "cluster.key");
  outcome = ApplyWeights({1, 3});
  ASSERT_TRUE(outcome.refusal);
  EXPECT_TRUE(absl::StrContains(outcome.refusal->message, "is gone")) << outcome.refusal->message;
  EXPECT_FALSE(std::filesystem::exists(dir_ / "cluster.key")) << "a second key was made";
}

TEST_F(PipelineTest, LeavesThePlaneAloneWhenTheKeyIsGoneAtARestart) {
  ApplyWeights({1, 2});
  std::filesystem::remove(dir_ / "cluster.key");
  RestartControl();
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(plane_.offered(), 0u);
  EXPECT_EQ(pipeline_->Running()->revision, 1);
  EXPECT_EQ(pipeline_->Running()->compiled, nullptr);
}

TEST_F(PipelineTest, RaisesTheGenerationStrictlyThroughEverything) {
  uint64_t last = 0;
  for (uint32_t i = 1; i <= 30; ++i) {
    if (i % 5 == 0) plane_.AnswerNext(absl::InvalidArgumentError("no"));
    if (i % 7 == 0) RestartControl();
    const ApplyOutcome outcome = ApplyWeights({100, 100 + i});
    if (outcome.refusal) continue;
    EXPECT_GT(outcome.generation, last);
    last = outcome.generation;
    EXPECT_EQ(plane_.running()->generation, last);
  }
}

}  // namespace
}  // namespace evenkeel
