#include "control/store/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/store/state_dir.h"
#include "tests/control/app/temp_dir.h"

namespace evenkeel {
namespace {

Revision RevisionNumbered(int64_t number, uint64_t generation) {
  return {.revision = number,
          .when = absl::FromUnixSeconds(1'700'000'000),
          .who = {.uid = 1000, .name = "alice"},
          .reason = "because",
          .file = "/etc/evenkeel/evenkeel.yaml",
          .content = std::string("schema: evenkeel/v1\n\0x", 22),
          .digest = "00ff",
          .base_revision = number - 1,
          .generation = generation};
}

std::vector<Lease> LeasesOf(size_t count) {
  std::vector<Lease> leases;
  for (size_t i = 0; i < count; ++i) {
    Lease lease{
        .key = {.pool = NameId("web"), .address = MapIpv4({10, 0, 0, static_cast<uint8_t>(i + 1)})},
        .index = static_cast<uint16_t>(i)};
    lease.backend_id = BackendId(lease.key.address);
    if (i == 1) {
      lease.leaving = true;
      lease.release_after = absl::FromUnixSeconds(1'700'000'900);
    }
    leases.push_back(lease);
  }
  return leases;
}

std::unique_ptr<Store> OpenStore(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

TEST(StoreTest, IsEmptyAtFirst) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  EXPECT_FALSE(store->Running()->has_value());
  EXPECT_FALSE(store->Pending()->has_value());
  EXPECT_EQ(*store->Generation(), 0u);
  EXPECT_EQ(*store->KeyHash(), "");
  EXPECT_EQ(*store->NextRevision(), 1);
}

TEST(StoreTest, KeepsEveryFieldOfARevisionAcrossAReopening) {
  TempDir dir;
  {
    const auto store = OpenStore(dir.path());
    ASSERT_TRUE(store->Begin(RevisionNumbered(1, 7), LeasesOf(3)).ok());
    ASSERT_TRUE(store->Confirm(1, "hash").ok());
  }
  const auto store = OpenStore(dir.path());
  const Revision running = **store->Running();
  const Revision expected = RevisionNumbered(1, 7);
  EXPECT_EQ(running.revision, 1);
  EXPECT_EQ(running.state, RevisionState::kConfirmed);
  EXPECT_EQ(running.when, expected.when);
  EXPECT_EQ(running.who, expected.who);
  EXPECT_EQ(running.reason, expected.reason);
  EXPECT_EQ(running.file, expected.file);
  EXPECT_EQ(running.content, expected.content);
  EXPECT_EQ(running.digest, expected.digest);
  EXPECT_EQ(running.generation, 7u);
  EXPECT_EQ(*store->KeyHash(), "hash");
  const std::vector<Lease> leases = *store->Leases(1);
  ASSERT_EQ(leases.size(), 3u);
  for (size_t i = 0; i < leases.size(); ++i) {
    EXPECT_EQ(leases[i].key, LeasesOf(3)[i].key);
    EXPECT_EQ(leases[i].index, i);
    EXPECT_EQ(leases[i].leaving, i == 1);
    EXPECT_EQ(leases[i].backend_id, LeasesOf(3)[i].backend_id);
  }
}

TEST(StoreTest, NeverGivesANumberOrAGenerationTwice) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 5), LeasesOf(1)).ok());
  ASSERT_TRUE(store->Abandon(1, "the plane refused").ok());
  EXPECT_EQ(*store->NextRevision(), 2);
  EXPECT_EQ(*store->Generation(), 5u);
  ASSERT_TRUE(store->ReserveGeneration(3).ok());
  EXPECT_EQ(*store->Generation(), 5u);
  EXPECT_EQ((*store->Find(1))->outcome, "the plane refused");
  EXPECT_TRUE(store->Leases(1)->empty());
}

TEST(StoreTest, HoldsAtMostOnePendingRevision) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 1), {}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Begin(RevisionNumbered(2, 2), {})));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Confirm(2, "")));
  ASSERT_TRUE(store->Confirm(1, "").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Confirm(1, "")));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Abandon(1, "")));
}

TEST(StoreTest, RepublishingReplacesGenerationAndLeases) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 1), LeasesOf(3)).ok());
  ASSERT_TRUE(store->Confirm(1, "").ok());
  ASSERT_TRUE(store->Republish(1, 9, LeasesOf(2)).ok());
  EXPECT_EQ((*store->Running())->generation, 9u);
  EXPECT_EQ(*store->Generation(), 9u);
  EXPECT_EQ(store->Leases(1)->size(), 2u);
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Republish(2, 10, {})));
}

TEST(StoreTest, NamesADamagedFileAndWhatToDo) {
  TempDir dir;
  OpenStore(dir.path()).reset();
  std::ofstream(dir / "control.db", std::ios::trunc) << std::string(8192, 'x');
  std::filesystem::remove(dir / "control.db-wal");
  const absl::Status status = Store::Open(dir.path()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), dir / "control.db")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "move it away")) << status;
}

TEST(StoreTest, FindsAPageThatWasOverwritten) {
  TempDir dir;
  {
    const auto store = OpenStore(dir.path());
    for (int i = 1; i <= 200; ++i) {
      ASSERT_TRUE(store->Begin(RevisionNumbered(i, static_cast<uint64_t>(i)), LeasesOf(50)).ok());
      ASSERT_TRUE(store->Confirm(i, "h").ok());
    }
  }
  std::fstream file(dir / "control.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 3);
  file << std::string(4096, '\xff');
  file.close();
  EXPECT_TRUE(absl::IsDataLoss(Store::Open(dir.path()).status()));
}

TEST(StoreTest, SaysSoWhenTheDirectoryCannotBeWritten) {
  const absl::Status status = Store::Open("/nonexistent/state").status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/state/control.db")) << status;
}

// Begins, confirms and abandons without end, and tells `report` of each revision that it confirmed.
[[noreturn]] void ChangeForEver(const std::string& path, int report) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path);
  while (store.ok()) {
    const int64_t number = *(*store)->NextRevision();
    const uint64_t generation = *(*store)->Generation() + 1;
    if (!(*store)->Begin(RevisionNumbered(number, generation), LeasesOf(5)).ok()) break;
    if (number % 3 == 0) {
      if (!(*store)->Abandon(number, "test").ok()) break;
    } else {
      if (!(*store)->Confirm(number, "hash").ok()) break;
      if (write(report, &number, sizeof(number)) != sizeof(number)) break;
    }
  }
  _exit(1);
}

TEST(StoreTest, LosesNothingThatWasConfirmedWhenItIsKilled) {
  TempDir dir;
  const auto seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      ChangeForEver(dir.path(), ends[1]);
    }
    close(ends[1]);
    usleep(20'000 + random() % 40'000);
    kill(child, SIGKILL);
    int64_t told = 0;
    for (int64_t number = 0; read(ends[0], &number, sizeof(number)) == sizeof(number);) {
      told = number;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";

    const auto store = OpenStore(dir.path());
    ASSERT_NE(store, nullptr);
    const std::optional<Revision> running = *store->Running();
    if (told != 0) {
      ASSERT_TRUE(running.has_value());
      EXPECT_GE(running->revision, told);
    }
    if (running) {
      EXPECT_EQ(store->Leases(running->revision)->size(), 5u);
      EXPECT_EQ(*store->KeyHash(), "hash");
      EXPECT_GE(*store->Generation(), running->generation);
    }
    if (const std::optional<Revision> pending = *store->Pending()) {
      EXPECT_EQ(*store->Generation(), pending->generation);
      EXPECT_EQ(store->Leases(pending->revision)->size(), 5u);
      ASSERT_TRUE(store->Abandon(pending->revision, "killed").ok());
    }
  }
}

TEST(StateDirTest, IsHeldByOneProcess) {
  TempDir dir;
  absl::StatusOr<StateDir> first = StateDir::Take(dir / "state");
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = StateDir::Take(dir / "state").status();
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  EXPECT_TRUE(absl::StrContains(second.message(), absl::StrCat("process ", getpid()))) << second;
  { const StateDir moved = *std::move(first); }
  EXPECT_TRUE(StateDir::Take(dir / "state").ok());
}

TEST(StateDirTest, SaysWhichFolderIsMissing) {
  const absl::Status status = StateDir::Take("/nonexistent/a/b").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/a/b")) << status;
}

}  // namespace
}  // namespace evenkeel
