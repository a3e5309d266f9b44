#include "control/publish/dpdk_sink.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/config/parse.h"
#include "control/publish/compile.h"
#include "dataplane/table/flow_directory.h"
#include "dataplane/table/trial.h"
#include "tests/control/app/sample_config.h"
#include "tests/control/app/temp_dir.h"
#include "tests/control/publish/fake_plane.h"

namespace evenkeel {
namespace {

template <typename Condition>
bool Eventually(Condition condition, absl::Duration limit = absl::Seconds(60)) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

class DpdkSinkTest : public testing::Test {
 protected:
  DpdkSinkTest() : socket_(dir_ / "plane.sock"), sink_(socket_) {
    config_ = *ParseConfig(SampleConfig({.slots = 4096})).config;
    leases_ = *LeaseAll(config_, {}, absl::Now());
  }
  ~DpdkSinkTest() override { sink_.Stop(); }

  void Start() {
    sink_.Start([this] { ++changes_; });
  }
  bool IsConnected() { return sink_.State().connected; }

  PublicationPtr MakePublication(uint64_t generation, uint32_t weight = 100) {
    config_.pools[0].backends[0].weight = weight;
    absl::StatusOr<CompiledPtr> compiled = Compile({.config = config_,
                                                    .key = {},
                                                    .leases = leases_,
                                                    .generation = generation,
                                                    .revision = static_cast<int64_t>(generation)},
                                                   &cache_);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    kept_ = *compiled;
    return kept_->publication;
  }

  // Generation g of revision g on trial, with the way back to other weights as g + 1.
  TrialPublication MakeTrial(uint64_t generation, absl::Duration duration) {
    const PublicationPtr way_back = MakePublication(generation + 1);
    return {
        .id = generation,
        .image = MakePublication(generation, 300),
        .way_back = way_back,
        .deadline_ns = BootTimeNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration))};
  }
  TrialPhase Phase() { return sink_.State().trial ? sink_.State().trial->phase : TrialPhase(-1); }

  TempDir dir_;
  std::string socket_;
  DpdkSink sink_;
  std::atomic<int> changes_ = 0;
  Config config_;
  LeaseTable leases_;
  CompileCache cache_;
  CompiledPtr kept_;
};

TEST_F(DpdkSinkTest, IsUnavailableWithoutAPlane) {
  Start();
  const absl::Status status = sink_.Publish(MakePublication(1), absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), socket_)) << status;
  EXPECT_TRUE(absl::IsUnavailable(sink_.Stats(absl::Seconds(1)).status()));
}

TEST_F(DpdkSinkTest, ConnectsOnceAPlaneListens) {
  Start();
  absl::SleepFor(absl::Milliseconds(150));
  FakePlane plane(socket_);
  ASSERT_TRUE(Eventually([&] { return IsConnected() && changes_ == 1; }));
  EXPECT_EQ(sink_.State().generation, 0u);
  EXPECT_EQ(sink_.Stats(absl::Seconds(1))->received, 42u);
}

TEST_F(DpdkSinkTest, PublishesTwoHundredTimes) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  for (uint64_t generation = 1; generation <= 200; ++generation) {
    const absl::Status status = sink_.Publish(
        MakePublication(generation, 50 + static_cast<uint32_t>(generation % 7)), absl::Seconds(5));
    ASSERT_TRUE(status.ok()) << generation << ": " << status;
    ASSERT_EQ(plane.installed(), generation);
    ASSERT_EQ(sink_.State().generation, generation);
  }
  EXPECT_EQ(sink_.State().connection, 1u);
}

TEST_F(DpdkSinkTest, ReadsTheFlowTablesWhereThePlaneHasThem) {
  const std::string flow_dir = dir_ / "elsewhere";
  const absl::StatusOr<FlowTables> tables = TakeFlowTables(flow_dir, 128, 2);
  ASSERT_TRUE(tables.ok()) << tables.status();
  const auto read = [this] {
    size_t buckets = 0;
    const absl::Status status =
        sink_.ReadFlows([&](std::span<const lb_flow_bucket> table) { buckets += table.size(); });
    return status.ok() ? absl::StatusOr<size_t>(buckets) : status;
  };
  Start();
  EXPECT_TRUE(absl::IsUnavailable(read().status())) << "where, only the plane knows";
  {
    FakePlane plane(socket_, "", flow_dir);
    ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
    EXPECT_EQ(*read(), 256u);
  }
  FakePlane plane(socket_);
  ASSERT_TRUE(Eventually([&] { return sink_.State().connection == 2; }));
  EXPECT_EQ(*read(), 0u) << "it tracks none";
}

TEST_F(DpdkSinkTest, TellsThePlanesOwnSentenceWhenItRefuses) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  ASSERT_TRUE(sink_.Publish(MakePublication(5), absl::Seconds(5)).ok());
  absl::Status status = sink_.Publish(MakePublication(5), absl::Seconds(5));
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  plane.Refuse(true);
  status = sink_.Publish(MakePublication(6), absl::Seconds(5));
  EXPECT_TRUE(absl::StrContains(status.message(), "worker 1 does not answer")) << status;
  EXPECT_EQ(sink_.State().generation, 5u);
  plane.Refuse(false);
  EXPECT_TRUE(sink_.Publish(MakePublication(7), absl::Seconds(5)).ok());
}

TEST_F(DpdkSinkTest, GivesUpOnAPlaneThatHangsAndFindsItAgain) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  plane.Hang(true);
  const absl::Time start = absl::Now();
  const absl::Status status = sink_.Publish(MakePublication(1), absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));  // the call was bounded, the hang is not
  EXPECT_FALSE(IsConnected());
  plane.Hang(false);
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  // What it made of the image is seen now: it had taken the mailbox before it hung.
  EXPECT_EQ(sink_.State().generation, 1u);
  EXPECT_TRUE(sink_.Publish(MakePublication(2), absl::Seconds(5)).ok());
}

TEST_F(DpdkSinkTest, ReconnectsToAPlaneThatWasStartedAnew) {
  Start();
  for (uint64_t round = 1; round <= 5; ++round) {
    FakePlane plane(socket_);
    ASSERT_TRUE(Eventually([&] { return sink_.State().connection == round; })) << round;
    EXPECT_EQ(sink_.State().generation, 0u);
    ASSERT_TRUE(sink_.Publish(MakePublication(round), absl::Seconds(5)).ok());
  }
  ASSERT_TRUE(Eventually([&] { return !IsConnected(); }));
}

TEST_F(DpdkSinkTest, HandsOverWhatThePlaneRunsFromItsLastGoodImage) {
  Start();
  {
    FakePlane plane(socket_, dir_ / "state");
    ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
    ASSERT_TRUE(sink_.Publish(MakePublication(3), absl::Seconds(5)).ok());
  }
  ASSERT_TRUE(Eventually([&] { return !IsConnected(); }));
  FakePlane plane(socket_, dir_ / "state");
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  const PlaneState state = sink_.State();
  EXPECT_EQ(state.generation, 3u);
  ASSERT_NE(state.image, nullptr) << state.fault;
  EXPECT_TRUE(SameContent(*state.image, *kept_->image));
}

TEST_F(DpdkSinkTest, TellsOfAReturnThatNobodyAskedFor) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected() && changes_ == 1; }));
  ASSERT_TRUE(sink_.Publish(MakePublication(1), absl::Seconds(5)).ok());
  EXPECT_FALSE(sink_.State().trial);
  ASSERT_EQ(sink_.PublishTrial(MakeTrial(2, absl::Seconds(2)), absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(sink_.State().generation, 2u);
  EXPECT_EQ(Phase(), TrialPhase::kArmed);
  EXPECT_EQ(sink_.State().trial->return_generation, 3u);
  EXPECT_EQ(changes_, 1);
  ASSERT_TRUE(Eventually([&] { return Phase() == TrialPhase::kReturned && changes_ == 2; }));
  EXPECT_EQ(sink_.State().generation, 3u);
  EXPECT_EQ(sink_.State().revision, 3);
  EXPECT_EQ(plane.installed(), 3u);
  EXPECT_TRUE(absl::IsFailedPrecondition(sink_.ConfirmTrial(2, absl::Seconds(5))));
  EXPECT_EQ(sink_.ReturnFromTrial(2, absl::Seconds(5)), absl::OkStatus());
  // The plane has the tables of the way back only: control sends what is missing.
  EXPECT_EQ(sink_.Publish(MakePublication(4, 300), absl::Seconds(5)), absl::OkStatus());
  EXPECT_FALSE(sink_.State().trial);
  EXPECT_TRUE(IsConnected());
}

TEST_F(DpdkSinkTest, TellsOfAReturnDuringOtherCalls) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected() && changes_ == 1; }));
  ASSERT_TRUE(sink_.Publish(MakePublication(1), absl::Seconds(5)).ok());
  ASSERT_TRUE(sink_.PublishTrial(MakeTrial(2, absl::Seconds(1)), absl::Seconds(5)).ok());
  ASSERT_TRUE(Eventually([&] {
    EXPECT_TRUE(sink_.Stats(absl::Seconds(5)).ok());
    return Phase() == TrialPhase::kReturned;
  }));
  EXPECT_TRUE(Eventually([&] { return changes_ == 2; }));
}

TEST_F(DpdkSinkTest, ConfirmsAndReturnsOnRequest) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  ASSERT_TRUE(sink_.Publish(MakePublication(1), absl::Seconds(5)).ok());
  ASSERT_TRUE(sink_.PublishTrial(MakeTrial(2, absl::Hours(1)), absl::Seconds(5)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(sink_.Publish(MakePublication(8), absl::Seconds(5))));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      sink_.PublishTrial(MakeTrial(8, absl::Hours(1)), absl::Seconds(5))));
  EXPECT_EQ(sink_.ConfirmTrial(2, absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(sink_.ConfirmTrial(2, absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(Phase(), TrialPhase::kConfirmed);
  EXPECT_TRUE(absl::IsFailedPrecondition(sink_.ReturnFromTrial(2, absl::Seconds(5))));
  EXPECT_EQ(sink_.State().generation, 2u);
  ASSERT_EQ(sink_.PublishTrial(MakeTrial(4, absl::Hours(1)), absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(sink_.ReturnFromTrial(4, absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(Phase(), TrialPhase::kReturned);
  EXPECT_EQ(sink_.State().generation, 5u);
  EXPECT_EQ(plane.installed(), 5u);
}

TEST_F(DpdkSinkTest, LearnsOfTheTrialWhenItConnectsAgain) {
  FakePlane plane(socket_);
  const TrialPublication trial = MakeTrial(2, absl::Seconds(5));
  {
    DpdkSink former(socket_);
    former.Start([] {});
    ASSERT_TRUE(Eventually([&] { return former.State().connected; }));
    ASSERT_TRUE(former.Publish(MakePublication(1), absl::Seconds(5)).ok());
    ASSERT_TRUE(former.PublishTrial(trial, absl::Seconds(5)).ok());
  }
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  const PlaneState state = sink_.State();
  ASSERT_TRUE(state.trial);
  EXPECT_EQ(state.trial->id, 2u);
  EXPECT_EQ(state.trial->generation, 2u);
  EXPECT_EQ(state.trial->deadline_ns, trial.deadline_ns);
  EXPECT_EQ(state.trial->phase, TrialPhase::kArmed);
  ASSERT_TRUE(Eventually([&] { return Phase() == TrialPhase::kReturned; }));
}

TEST_F(DpdkSinkTest, AuditsThePlane) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  ASSERT_TRUE(sink_.Publish(MakePublication(1), absl::Seconds(5)).ok());
  const absl::StatusOr<PlaneAudit> audit = sink_.Audit(absl::Seconds(60));
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->generation, 1u);
  EXPECT_EQ(audit->digest, kept_->image->StatedDigest());
  EXPECT_TRUE(audit->faults.empty());
}

TEST_F(DpdkSinkTest, PublishesAndAuditsAtOnce) {
  FakePlane plane(socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  ASSERT_TRUE(sink_.Publish(MakePublication(1), absl::Seconds(5)).ok());
  std::atomic<bool> stop = false;
  int audits = 0;
  std::thread auditor([&] {
    for (; !stop; ++audits) {
      const absl::StatusOr<PlaneAudit> audit = sink_.Audit(absl::Seconds(60));
      EXPECT_TRUE(audit.ok()) << audit.status();
      EXPECT_TRUE(audit.ok() && audit->faults.empty());
    }
  });
  for (uint64_t generation = 2; generation < 60; ++generation) {
    EXPECT_TRUE(sink_.Publish(MakePublication(generation), absl::Seconds(5)).ok());
    EXPECT_TRUE(sink_.Stats(absl::Seconds(5)).ok());
  }
  stop = true;
  auditor.join();
  EXPECT_GT(audits, 0);
}

TEST_F(DpdkSinkTest, StopsPromptlyWithAndWithoutAPlane) {
  std::optional<FakePlane> plane(std::in_place, socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  const absl::Time start = absl::Now();
  sink_.Stop();
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));  // it waited for nobody
}

TEST_F(DpdkSinkTest, TakesWhatEveryWorkerHasSampledAndAsksForTheNextRate) {
  EXPECT_TRUE(absl::IsUnavailable(sink_.TakeSamples(1).status()));
  std::optional<FakePlane> plane(std::in_place, socket_);
  Start();
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  absl::StatusOr<SampleBatch> batch = sink_.TakeSamples(3);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_TRUE(batch->samples.empty());
  for (const uint32_t worker : {0u, 1u}) {
    SampleWriter writer(plane->samples(worker));
    EXPECT_EQ(writer.every(), 3u);
    ASSERT_TRUE(writer.Put({.source_port = static_cast<uint16_t>(10 + worker)}));
  }
  batch = sink_.TakeSamples(5);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->samples.size(), 2u);
  EXPECT_EQ(batch->samples[0].source_port, 10);
  EXPECT_EQ(batch->samples[1].source_port, 11);

  // Another plane has rings of its own.
  plane.reset();
  ASSERT_TRUE(Eventually([&] { return !IsConnected(); }));
  plane.emplace(socket_);
  ASSERT_TRUE(Eventually([&] { return IsConnected(); }));
  ASSERT_TRUE(SampleWriter(plane->samples(1)).Put({.source_port = 20}));
  batch = sink_.TakeSamples(1);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->samples.size(), 1u);
  EXPECT_EQ(batch->samples[0].source_port, 20);
}

}  // namespace
}  // namespace evenkeel
