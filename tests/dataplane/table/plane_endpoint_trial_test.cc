// Trials and audits between control's client and a plane's endpoint, over a real socket.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include "dataplane/table/channel_client.h"
#include "dataplane/table/plane_endpoint.h"
#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/plane_client.h"
#include "tests/dataplane/table/plane_fixture.h"

namespace evenkeel {
namespace {

// Revision `id` as `generation` for `duration`, with the way back to the small one.
absl::Status Try(ChannelClient& client, uint64_t id, uint64_t generation, absl::Duration duration) {
  ImageSpec image = Shifted(generation);
  image.revision = id;
  const ImageSpec way_back = SmallSpec(generation + 1);
  const AlignedBytes image_root = MustBuild(image), way_back_root = MustBuild(way_back);
  const auto image_tables = TablesOf(image), way_back_tables = TablesOf(way_back);
  return client.PublishTrial(
      {image_root.bytes(), image_tables}, {way_back_root.bytes(), way_back_tables},
      {.id = id,
       .generation = generation,
       .return_generation = generation + 1,
       .deadline_ns = BootTimeNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration))},
      kTimeout);
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 30'000; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return false;
}

TEST(PlaneEndpointTrialTest, TrialGoesBackByItselfAndSaysSo) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
  const uint64_t begin_ns = BootTimeNs();
  ASSERT_EQ(Try(*client, 9, 2, absl::Seconds(2)), absl::OkStatus());
  EXPECT_EQ(plane.generation(), 2u);
  EXPECT_EQ(client->news().trial.state, TrialState::kArmed);
  ASSERT_TRUE(Eventually([&] { return plane.generation() == 3; }));
  EXPECT_GE(BootTimeNs() - begin_ns, 2'000'000'000u);
  ASSERT_TRUE(Eventually([&] {
    return client->TakeNews().ok() && client->news().trial.state == TrialState::kReturned;
  }));
  EXPECT_EQ(client->news().generation, 3u);
  EXPECT_EQ(client->news().revision, 7u);
  EXPECT_EQ(NackCodeOf(client->Decide(9, TrialState::kConfirmed, kTimeout)), NackCode::kTrialEnded);
  EXPECT_EQ(Publish(*client, Shifted(4)), absl::OkStatus());
  EXPECT_EQ(client->news().trial.state, TrialState::kNone);
}

// Fault: control took the trial's table for one that the plane still had, and the next trial of the
// same content was refused for ever.
TEST(PlaneEndpointTrialTest, SameContentCanBeTriedAgainAfterThePlaneWentBackByItself) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
  ASSERT_EQ(Try(*client, 9, 2, absl::Seconds(1)), absl::OkStatus());
  ASSERT_TRUE(Eventually([&] { return plane.generation() == 3; }));
  ASSERT_EQ(Shifted(2).pools[0].base->digest(), Shifted(52).pools[0].base->digest());
  EXPECT_EQ(Try(*client, 10, 52, absl::Seconds(60)), absl::OkStatus());
  EXPECT_EQ(plane.generation(), 52u);
}

TEST(PlaneEndpointTrialTest, TrialGoesBackWithoutControl) {
  const TestDirectory dir;
  TestPlane plane(dir);
  {
    const auto client = MustConnect(dir);
    ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
    ASSERT_EQ(Try(*client, 9, 2, absl::Seconds(1)), absl::OkStatus());
  }
  ASSERT_TRUE(Eventually([&] { return plane.generation() == 3; }));
  const auto client = MustConnect(dir);
  EXPECT_EQ(client->hello().generation, 3u);
  EXPECT_EQ(client->hello().trial.id, 9u);
  EXPECT_EQ(client->hello().trial.state, TrialState::kReturned);
}

TEST(PlaneEndpointTrialTest, RestartedControlFindsTheTrialAndConfirmsIt) {
  const TestDirectory dir;
  TestPlane plane(dir);
  {
    const auto client = MustConnect(dir);
    ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
    ASSERT_EQ(Try(*client, 9, 2, absl::Hours(1)), absl::OkStatus());
  }
  const auto client = MustConnect(dir);
  const TrialRecord trial = client->hello().trial;
  EXPECT_EQ(trial.id, 9u);
  EXPECT_EQ(trial.generation, 2u);
  EXPECT_EQ(trial.return_generation, 3u);
  EXPECT_GT(trial.deadline_ns, BootTimeNs());
  EXPECT_EQ(trial.state, TrialState::kArmed);
  // It knows nothing of the way back's tables that the plane holds, and renews all the same.
  ASSERT_EQ(Try(*client, 9, 4, absl::Seconds(1)), absl::OkStatus());
  EXPECT_EQ(client->news().trial.deadline_ns, trial.deadline_ns);
  EXPECT_EQ(NackCodeOf(Publish(*client, SmallSpec(6))), NackCode::kTrialArmed);
  EXPECT_EQ(client->Decide(9, TrialState::kConfirmed, kTimeout), absl::OkStatus());
  EXPECT_EQ(client->news().trial.state, TrialState::kConfirmed);
  EXPECT_EQ(Publish(*client, SmallSpec(6)), absl::OkStatus());
  EXPECT_EQ(plane.generation(), 6u);
}

TEST(PlaneEndpointTrialTest, PlaneThatDiesDuringATrialStartsFromTheWayBack) {
  const TestDirectory dir;
  for (const bool is_confirmed : {false, true}) {
    const std::string state_dir = dir / (is_confirmed ? "confirmed" : "died");
    {
      TestPlane plane(dir, state_dir);
      const auto client = MustConnect(dir);
      ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
      ASSERT_EQ(Try(*client, 9, 2, absl::Hours(1)), absl::OkStatus());
      if (is_confirmed) {
        ASSERT_EQ(client->Decide(9, TrialState::kConfirmed, kTimeout), absl::OkStatus());
      }
      // What is on disk now is what a plane that is killed now would find.
      const LastGood::Loaded found = LastGood(state_dir, RealDisk()).Load();
      ASSERT_NE(found.image, nullptr);
      EXPECT_EQ(found.image->generation(), is_confirmed ? 2u : 3u);
    }
    TestPlane plane(dir, state_dir);
    const auto client = MustConnect(dir);
    EXPECT_EQ(client->hello().generation, is_confirmed ? 2u : 3u);
    EXPECT_EQ(client->hello().trial.state, TrialState::kNone);
    EXPECT_EQ(client->Decide(9, TrialState::kConfirmed, kTimeout).ok(), is_confirmed);
    EXPECT_EQ(client->Decide(9, TrialState::kReturned, kTimeout).ok(), !is_confirmed);
  }
}

TEST(PlaneEndpointTrialTest, FullDiskRefusesATrialAndDoesNotKeepOneFromGoingBack) {
  const TestDirectory dir;
  TestPlane plane(dir, dir / "state");
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
  ASSERT_EQ(Try(*client, 9, 2, absl::Seconds(4)), absl::OkStatus());
  // A file in the directory's place: nothing can be written from now on, not even by root.
  std::filesystem::rename(dir / "state", dir / "gone");
  std::ofstream(dir / "state") << "in the way";
  // A renewal (health may have changed) has the older way back on disk.
  EXPECT_EQ(Try(*client, 9, 4, absl::Hours(1)), absl::OkStatus());
  ASSERT_TRUE(Eventually([&] { return plane.generation() == 5; }));
  const absl::Status refused = Try(*client, 10, 6, absl::Hours(1));
  EXPECT_EQ(NackCodeOf(refused), NackCode::kResource) << refused;
  EXPECT_EQ(plane.generation(), 5u);
}

// Confirm against the deadline, at the very moment: one of them wins, and control is told which.
TEST(PlaneEndpointTrialTest, ConfirmAndDeadlineNeverBothWin) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(1)).ok());
  int confirmed = 0;
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t generation = 2 + 2 * static_cast<uint64_t>(round);
    const uint64_t id = 100 + static_cast<uint64_t>(round);
    absl::Status tried;
    absl::Duration duration = absl::Milliseconds(20);
    do {  // longer where the machine does not come to it in time
      tried = Try(*client, id, generation, duration);
      duration *= 2;
    } while (NackCodeOf(tried) == NackCode::kTrialEnded);
    ASSERT_EQ(tried, absl::OkStatus());
    // Spread around the time that the question takes to arrive.
    const uint64_t deadline_ns = client->news().trial.deadline_ns;
    const uint64_t ask_ns = deadline_ns - 400'000 + static_cast<uint64_t>(round) * 8'000;
    while (BootTimeNs() < ask_ns) {
    }
    const absl::Status answer = client->Decide(id, TrialState::kConfirmed, kTimeout);
    ASSERT_TRUE(answer.ok() || NackCodeOf(answer) == NackCode::kTrialEnded) << answer;
    confirmed += answer.ok() ? 1 : 0;
    const TrialState state = client->news().trial.state;
    ASSERT_EQ(state, answer.ok() ? TrialState::kConfirmed : TrialState::kReturned);
    while (BootTimeNs() < deadline_ns + 1'000'000) {
    }
    ASSERT_EQ(plane.generation(), generation + (answer.ok() ? 0 : 1)) << round;
    // And it stays so.
    ASSERT_EQ(client->Decide(id, TrialState::kConfirmed, kTimeout).ok(), answer.ok());
    ASSERT_EQ(client->Decide(id, TrialState::kReturned, kTimeout).ok(), !answer.ok());
  }
  std::printf("%d of %d confirmed\n", confirmed, kRounds);
}

// Control is killed at random moments of staging, trying, renewing and deciding. The next one finds
// a plane that runs what it says, with an image that verifies, and ends the trial if there is one.
TEST(PlaneEndpointTrialTest, ControlKilledAtAnyMomentLeavesATrialOrNone) {
  const uint32_t seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const TestDirectory dir;
  TestPlane plane(dir);
  ASSERT_TRUE(Publish(*MustConnect(dir), SmallSpec(1)).ok());
  // What the child has done in all; it may be slow to begin.
  auto* const steps = static_cast<std::atomic<uint32_t>*>(
      mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(steps), MAP_FAILED);
  int armed = 0;
  constexpr int kRounds = 60;
  uint64_t generation = 2;
  for (int round = 0; round < kRounds; ++round, generation += 1000) {
    steps->store(0);
    const pid_t child = plane.Fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto client = ChannelClient::Connect(dir / "plane.sock", kTimeout);
      if (!client.ok()) _exit(1);
      for (uint64_t next = generation;; next += 4) {
        if (!Try(**client, next, next, absl::Hours(1)).ok()) _exit(2);
        ++*steps;
        if (!Try(**client, next, next + 2, absl::Hours(1)).ok()) _exit(3);
        ++*steps;
        const TrialState end = next % 8 < 4 ? TrialState::kConfirmed : TrialState::kReturned;
        if (!(*client)->Decide(next, end, kTimeout).ok()) _exit(4);
        ++*steps;
      }
    }
    const uint32_t at_least = random() % 8;
    siginfo_t ended{};
    while (*steps < at_least && ended.si_pid == 0) {
      std::this_thread::yield();
      waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "seed " << seed << ": exit " << WEXITSTATUS(status);

    const auto client = MustConnect(dir);
    ASSERT_NE(client, nullptr);
    ASSERT_TRUE(client->accepted().ok()) << client->accepted().status();
    ASSERT_EQ((*client->accepted())->generation(), client->hello().generation);
    ASSERT_EQ(plane.generation(), client->hello().generation);
    const TrialRecord trial = client->hello().trial;
    if (trial.state != TrialState::kArmed) continue;
    ++armed;
    ASSERT_EQ(trial.generation, client->hello().generation);
    ASSERT_EQ(client->Decide(trial.id, TrialState::kReturned, kTimeout), absl::OkStatus());
    ASSERT_EQ(plane.generation(), trial.return_generation);
  }
  munmap(steps, sizeof(*steps));
  std::printf("found armed %d times of %d\n", armed, kRounds);
  EXPECT_GT(armed, 0);
}

TEST(PlaneEndpointTrialTest, AuditComputesWhatWorkersUse) {
  const TestDirectory dir;
  TestPlane* running = nullptr;
  TestPlane plane(dir, "", [&](std::vector<uint64_t>* workers) {
    *workers = {5, 4};
    return running->installed();
  });
  running = &plane;
  const auto client = MustConnect(dir);
  absl::StatusOr<ChannelClient::AuditFacts> facts = client->Audit(kTimeout);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->generation, 0u);
  const ImageSpec spec = SmallSpec(5);
  ASSERT_TRUE(Publish(*client, spec).ok());
  facts = client->Audit(kTimeout);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->generation, 5u);
  EXPECT_EQ(facts->digest, plane.installed()->StatedDigest());
  EXPECT_EQ(facts->workers, (std::vector<uint64_t>{5, 4}));
  EXPECT_TRUE(facts->faults.empty()) << facts->faults[0];

  // One slot of a table in use, then a weight in the root.
  const std::span<const lb_slot> slots = plane.installed()->tables()[1]->slots();
  void* page = const_cast<lb_slot*>(slots.data());
  ASSERT_EQ(mprotect(page, slots.size_bytes(), PROT_READ | PROT_WRITE), 0);
  static_cast<lb_slot*>(page)[17] ^= 1;
  facts = client->Audit(kTimeout);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_NE(facts->digest, plane.installed()->StatedDigest());
  ASSERT_EQ(facts->faults.size(), 1u);
  EXPECT_NE(facts->faults[0].find("table 1 of pool 1"), std::string::npos) << facts->faults[0];
  static_cast<lb_slot*>(page)[17] = 0xffff;  // a backend that there is not
  EXPECT_EQ(client->Audit(kTimeout)->faults.size(), 1u);
  const_cast<lb_member&>(plane.installed()->members()[0]).weight += 1;
  facts = client->Audit(kTimeout);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->faults.size(), 2u);
}

}  // namespace
}  // namespace evenkeel
