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

LogEntry Entry(absl::string_view text = "") {
  return {.when = absl::FromUnixSeconds(1'700'000'100),
          .who = {.uid = 1000, .name = "alice"},
          .event = "test",
          .revision = 1,
          .text = std::string(text)};
}
Confirmation Key(absl::string_view hash) {
  return {.key_hash = std::string(hash), .replaced_weights = ""};
}

// A revision that begins on trial, with a drain and an override.
Revision TrialNumbered(int64_t number, uint64_t generation) {
  Revision revision = RevisionNumbered(number, generation);
  revision.trial = TrialTerms{.return_generation = generation + 1,
                              .deadline_ns = 77,
                              .boot_id = "boot",
                              .deadline = absl::FromUnixSeconds(1'700'000'300)};
  revision.drains = {{.pool = "web",
                      .backend = "web-1",
                      .reason = "fans",
                      .until = absl::FromUnixSeconds(1'700'009'000),
                      .who = {.uid = 1001, .name = "bob"},
                      .since = absl::FromUnixSeconds(1'700'000'000)}};
  revision.allow = {{.rule = "F12",
                     .at = "pools.web",
                     .reason = "rack",
                     .until = absl::FromUnixSeconds(1'700'009'000)}};
  return revision;
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
  EXPECT_FALSE(store->Active()->has_value());
  EXPECT_EQ(*store->Generation(), 0u);
  EXPECT_EQ(*store->KeyHash(), "");
  EXPECT_EQ(*store->NextRevision(), 1);
}

TEST(StoreTest, KeepsEveryFieldOfARevisionAcrossAReopening) {
  TempDir dir;
  {
    const auto store = OpenStore(dir.path());
    ASSERT_TRUE(store->Begin(RevisionNumbered(1, 7), LeasesOf(3), Entry()).ok());
    ASSERT_TRUE(store->Confirm(1, Key("hash"), Entry()).ok());
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
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 5), LeasesOf(1), Entry()).ok());
  ASSERT_TRUE(store->Abandon(1, "the plane refused", Entry()).ok());
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
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 1), {}, Entry()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Begin(RevisionNumbered(2, 2), {}, Entry())));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Confirm(2, Key(""), Entry())));
  ASSERT_TRUE(store->Confirm(1, Key(""), Entry()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Confirm(1, Key(""), Entry())));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Abandon(1, "", Entry())));
}

TEST(StoreTest, KeepsATrialWithItsTermsDrainsAndOverrides) {
  TempDir dir;
  const Revision expected = TrialNumbered(1, 5);
  {
    const auto store = OpenStore(dir.path());
    ASSERT_TRUE(store->Begin(expected, LeasesOf(2), Entry()).ok());
    ASSERT_TRUE(store->StartTrial(1, Entry()).ok());
  }
  const auto store = OpenStore(dir.path());
  const Revision found = **store->Active();
  EXPECT_EQ(found.state, RevisionState::kTrial);
  EXPECT_EQ(found.trial, expected.trial);
  EXPECT_EQ(found.drains, expected.drains);
  EXPECT_EQ(found.allow, expected.allow);
  EXPECT_FALSE(found.ended);
  EXPECT_EQ(*store->Generation(), 6u) << "the way back's is reserved too";
}

TEST(StoreTest, WalksATrialThroughItsStatesAndNoOthers) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(TrialNumbered(1, 1), LeasesOf(1), Entry()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->StartConfirm(1, Entry())));
  ASSERT_TRUE(store->StartTrial(1, Entry()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->StartTrial(1, Entry())));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Begin(RevisionNumbered(2, 3), {}, Entry())));
  ASSERT_TRUE(store->StartConfirm(1, Entry()).ok());
  ASSERT_TRUE(store->Confirm(1, Key("h"), Entry()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store->RollBack(1, "", {}, Entry())));
  EXPECT_FALSE(store->Active()->has_value());
  EXPECT_EQ(store->Head()->entries, 4u) << "what was refused has no entry";
}

TEST(StoreTest, RollsBackToTheBaseUnderTheWayBacksGeneration) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 1), LeasesOf(1), Entry()).ok());
  ASSERT_TRUE(store->Confirm(1, Key("h"), Entry()).ok());
  ASSERT_TRUE(store->Begin(TrialNumbered(2, 2), LeasesOf(3), Entry()).ok());
  ASSERT_TRUE(store->StartTrial(2, Entry()).ok());
  const ReturnedBase base{.revision = 1, .generation = 3, .leases = LeasesOf(2)};
  ASSERT_TRUE(store->RollBack(2, "too hot", base, Entry()).ok());
  EXPECT_EQ((*store->Running())->generation, 3u);
  EXPECT_EQ(store->Leases(1)->size(), 2u);
  EXPECT_TRUE(store->Leases(2)->empty());
  const Revision rolled_back = **store->Find(2);
  EXPECT_EQ(rolled_back.state, RevisionState::kRolledBack);
  EXPECT_EQ(rolled_back.outcome, "too hot");
  EXPECT_EQ(rolled_back.ended, Entry().when);
  const auto since = [&](absl::Duration ago) {
    return store->RolledBackSince("00ff", Entry().when - ago)->has_value();
  };
  EXPECT_TRUE(since(absl::Seconds(1)));
  EXPECT_FALSE(since(-absl::Seconds(1)));
  EXPECT_FALSE(store->RolledBackSince("other", absl::InfinitePast())->has_value());
}

TEST(StoreTest, KeepsTheHealthyWeightsOfADay) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  for (int i = 1; i <= 4; ++i) {
    LogEntry entry = Entry();
    entry.when += i * absl::Hours(10);
    ASSERT_TRUE(store->Begin(RevisionNumbered(i, static_cast<uint64_t>(i)), {}, entry).ok());
    ASSERT_TRUE(
        store->Confirm(i, {.key_hash = "h", .replaced_weights = i == 4 ? "b" : "a"}, entry).ok());
  }
  const absl::Time last = Entry().when + absl::Hours(40);
  EXPECT_EQ(*store->HealthyWeightsSince(last - absl::Hours(24)),
            (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(*store->HealthyWeightsSince(last - absl::Hours(1)), (std::vector<std::string>{"b"}));
}

TEST(StoreTest, BringsVersion1UpToDate) {
  TempDir dir;
  ASSERT_TRUE(Database::Open(dir / "control.db")
                  ->Execute(R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('schema_version', '1'), ('generation', '9'), ('key_hash', 'h');
CREATE TABLE revisions(revision INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL CHECK(state IN ('pending', 'confirmed', 'failed')), at_us INTEGER NOT NULL,
  uid INTEGER NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL, file TEXT NOT NULL,
  content BLOB NOT NULL, digest TEXT NOT NULL, base_revision INTEGER NOT NULL,
  generation INTEGER NOT NULL, outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX revisions_by_state ON revisions(state, revision);
CREATE UNIQUE INDEX one_pending ON revisions(state) WHERE state = 'pending';
CREATE TABLE leases(revision INTEGER NOT NULL REFERENCES revisions(revision),
  backend_index INTEGER NOT NULL, pool INTEGER NOT NULL, address BLOB NOT NULL,
  release_after_us INTEGER NOT NULL, PRIMARY KEY(revision, backend_index)) WITHOUT ROWID;
INSERT INTO revisions VALUES(3, 'confirmed', 5, 0, 'root', 'r', '/f', 'text', 'd', 2, 9, '');
INSERT INTO revisions VALUES(4, 'failed', 6, 0, 'root', 'r', '/f', 'text', 'd', 3, 8, 'no');
INSERT INTO leases VALUES(3, 0, 1, x'00000000000000000000ffff0a000001', 0);)")
                  .ok());
  for (int i = 0; i < 2; ++i) {
    const auto store = OpenStore(dir.path());
    ASSERT_NE(store, nullptr);
    const Revision running = **store->Running();
    EXPECT_EQ(running.revision, 3);
    EXPECT_EQ(running.content, "text");
    EXPECT_EQ(running.verb, "apply");
    EXPECT_EQ(store->Leases(3)->size(), 1u);
    EXPECT_EQ(*store->NextRevision(), 5);
    EXPECT_EQ(store->History()->size(), 2u);
    EXPECT_EQ(*store->Head(), LogHead());
  }
}

TEST(StoreTest, RefusesADatabaseOfANewerVersion) {
  TempDir dir;
  OpenStore(dir.path()).reset();
  ASSERT_TRUE(Database::Open(dir / "control.db")
                  ->Execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
                  .ok());
  const absl::Status status = Store::Open(dir.path()).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "newer evenkeeld")) << status;
}

TEST(StoreTest, ChainsEachStepToTheOnesBefore) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  LogHead head;
  for (int i = 1; i <= 3; ++i) {
    const LogEntry entry = Entry(absl::StrCat("text ", i));
    ASSERT_TRUE(store->Log(entry).ok());
    head = {.entries = head.entries + 1, .hash = HashOf(head, entry)};
    EXPECT_EQ(*store->Head(), head);
  }
  const LogCheck check = *store->CheckLog({});
  EXPECT_EQ(check.head, head);
  EXPECT_TRUE(check.faults.empty());
  LogHead other = head;
  other.hash[0] ^= 1;
  EXPECT_TRUE(absl::StrContains(store->CheckLog({{"somebody", other}})->faults.at(0), "somebody"));
  other.entries = 9;
  EXPECT_TRUE(absl::StrContains(store->CheckLog({{"somebody", other}})->faults.at(0), "cut short"));
}

TEST(StoreTest, RepublishingReplacesGenerationAndLeases) {
  TempDir dir;
  const auto store = OpenStore(dir.path());
  ASSERT_TRUE(store->Begin(RevisionNumbered(1, 1), LeasesOf(3), Entry()).ok());
  ASSERT_TRUE(store->Confirm(1, Key(""), Entry()).ok());
  ASSERT_TRUE(store->Republish(1, 9, LeasesOf(2), Entry()).ok());
  EXPECT_EQ((*store->Running())->generation, 9u);
  EXPECT_EQ(*store->Generation(), 9u);
  EXPECT_EQ(store->Leases(1)->size(), 2u);
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Republish(2, 10, {}, Entry())));
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
      ASSERT_TRUE(
          store->Begin(RevisionNumbered(i, static_cast<uint64_t>(i)), LeasesOf(50), Entry()).ok());
      ASSERT_TRUE(store->Confirm(i, Key("h"), Entry()).ok());
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
    if (!(*store)->Begin(RevisionNumbered(number, generation), LeasesOf(5), Entry()).ok()) break;
    if (number % 3 == 0) {
      if (!(*store)->Abandon(number, "test", Entry()).ok()) break;
    } else {
      if (!(*store)->Confirm(number, Key("hash"), Entry()).ok()) break;
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
    if (const std::optional<Revision> pending = *store->Active()) {
      EXPECT_EQ(*store->Generation(), pending->generation);
      EXPECT_EQ(store->Leases(pending->revision)->size(), 5u);
      ASSERT_TRUE(store->Abandon(pending->revision, "killed", Entry()).ok());
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
