#include "dataplane/table/last_good.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/test_directory.h"

namespace evenkeel {
namespace {

std::shared_ptr<const ImageView> Image(uint64_t generation, uint32_t weight) {
  ImageSpec spec = SmallSpec(generation);
  spec.pools[0] = MakePool("web", {weight, 2, 7}, 0);
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

uint64_t GenerationOn(const std::string& dir) {
  const LastGood::Loaded loaded = LastGood(dir, RealDisk()).Load();
  return loaded.image == nullptr ? 0 : loaded.image->generation();
}

size_t FilesIn(const std::string& dir) { return RealDisk().List(dir)->size(); }

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

// A disk that ends the process at the n-th change, half done where a change can be half done.
class CrashingDisk : public Disk {
 public:
  explicit CrashingDisk(int steps) : steps_left_(steps) {}

  absl::Status MakeDirectory(const std::string& path) override {
    Step();
    return real_.MakeDirectory(path);
  }
  absl::Status WriteFile(const std::string& path, std::span<const std::byte> bytes) override {
    if (steps_left_ == 0) (void)real_.WriteFile(path, bytes.first(bytes.size() / 2));
    Step();
    return real_.WriteFile(path, bytes);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    Step();
    return real_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override {
    Step();
    return real_.Remove(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    Step();
    return real_.SyncDirectory(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return real_.List(path);
  }
  absl::StatusOr<UniqueFd> Open(const std::string& path) override { return real_.Open(path); }

 private:
  void Step() {
    if (steps_left_-- == 0) _exit(7);
  }
  int steps_left_;
  Disk& real_ = RealDisk();
};

TEST(LastGoodTest, LoadsWhatWasSaved) {
  const TestDirectory dir;
  LastGood last_good(dir / "state", RealDisk());
  EXPECT_EQ(last_good.Load().image, nullptr);
  EXPECT_TRUE(last_good.Load().problems.empty());
  ASSERT_EQ(last_good.Save(*Image(4, 1)), absl::OkStatus());
  const LastGood::Loaded loaded = last_good.Load();
  ASSERT_NE(loaded.image, nullptr) << loaded.problems[0];
  EXPECT_EQ(loaded.image->generation(), 4u);
  EXPECT_EQ(loaded.image->RecomputedDigest(), Image(4, 1)->StatedDigest());
}

TEST(LastGoodTest, FilesAreForTheirOwnerAlone) {
  const TestDirectory dir;
  ASSERT_TRUE(LastGood(dir / "state", RealDisk()).Save(*Image(4, 1)).ok());
  EXPECT_EQ(ModeOf(dir / "state"), 0700u);
  EXPECT_EQ(ModeOf(dir / "state/tables"), 0700u);
  EXPECT_EQ(ModeOf(dir / "state/root-00000000000000000004"), 0600u);
  EXPECT_EQ(ModeOf((dir / "state/tables/") + RealDisk().List(dir / "state/tables")->at(0)), 0600u);
}

TEST(LastGoodTest, KeepsTwoRootsAndTheirTables) {
  const TestDirectory dir;
  LastGood last_good(dir.path(), RealDisk());
  for (uint64_t generation = 1; generation <= 20; generation++) {
    ASSERT_TRUE(last_good.Save(*Image(generation, static_cast<uint32_t>(generation))).ok());
  }
  EXPECT_EQ(FilesIn(dir.path()), 2u);
  EXPECT_EQ(FilesIn(dir / "tables"), 3u);  // web twice, bulk once
  EXPECT_EQ(GenerationOn(dir.path()), 20u);
}

TEST(LastGoodTest, CrashAtEveryStepLeavesTheOldImageOrTheNewOne) {
  const auto first = Image(1, 1), second = Image(2, 5), third = Image(3, 9);
  bool finished = false;
  uint64_t newest = 0;
  for (int steps = 0; !finished; steps++) {
    ASSERT_LT(steps, 100);
    const TestDirectory dir;
    ASSERT_TRUE(LastGood(dir.path(), RealDisk()).Save(*first).ok());
    ASSERT_TRUE(LastGood(dir.path(), RealDisk()).Save(*second).ok());
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CrashingDisk disk(steps);
      _exit(LastGood(dir.path(), disk).Save(*third).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_NE(WEXITSTATUS(status), 1);
    finished = WEXITSTATUS(status) == 0;

    LastGood after(dir.path(), RealDisk());
    const LastGood::Loaded loaded = after.Load();
    ASSERT_NE(loaded.image, nullptr) << "step " << steps;
    EXPECT_TRUE(loaded.problems.empty()) << "step " << steps << ": " << loaded.problems[0];
    EXPECT_GE(loaded.image->generation(), std::max<uint64_t>(newest, 2)) << "step " << steps;
    newest = loaded.image->generation();
    // What the crash left behind is cleaned up by the next save.
    ASSERT_TRUE(after.Save(*third).ok());
    EXPECT_EQ(FilesIn(dir.path()), 2u);
    EXPECT_EQ(FilesIn(dir / "tables"), 3u);
  }
  EXPECT_EQ(newest, 3u);
}

// A way back has the higher generation; once its trial is confirmed it must not come again.
TEST(LastGoodTest, CrashAtEveryStepOfAConfirmationLeavesTheWayBackOrTheConfirmedImage) {
  const auto base = Image(1, 1), way_back = Image(3, 1), confirmed = Image(2, 5);
  bool finished = false;
  uint64_t least = 3;
  for (int steps = 0; !finished; steps++) {
    ASSERT_LT(steps, 100);
    const TestDirectory dir;
    ASSERT_TRUE(LastGood(dir.path(), RealDisk()).Save(*base).ok());
    ASSERT_TRUE(LastGood(dir.path(), RealDisk()).Save(*way_back).ok());
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CrashingDisk disk(steps);
      _exit(LastGood(dir.path(), disk).Save(*confirmed).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_NE(WEXITSTATUS(status), 1);
    finished = WEXITSTATUS(status) == 0;

    const LastGood::Loaded loaded = LastGood(dir.path(), RealDisk()).Load();
    ASSERT_NE(loaded.image, nullptr) << "step " << steps;
    EXPECT_TRUE(loaded.problems.empty()) << "step " << steps << ": " << loaded.problems[0];
    // First the one, then the other, and never back.
    EXPECT_LE(loaded.image->generation(), least) << "step " << steps;
    EXPECT_GE(loaded.image->generation(), 2u) << "step " << steps;
    least = loaded.image->generation();
  }
  EXPECT_EQ(least, 2u);
}

TEST(LastGoodTest, CrashDuringTheFirstSaveLeavesNothingOrTheImage) {
  const auto first = Image(1, 1);
  int exit_status = 7;
  for (int steps = 0; exit_status == 7; steps++) {
    const TestDirectory dir;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CrashingDisk disk(steps);
      _exit(LastGood(dir / "state", disk).Save(*first).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    exit_status = WEXITSTATUS(status);
    const LastGood::Loaded loaded = LastGood(dir / "state", RealDisk()).Load();
    EXPECT_TRUE(loaded.problems.empty()) << "step " << steps << ": " << loaded.problems[0];
  }
  EXPECT_EQ(exit_status, 0);
}

TEST(LastGoodTest, DamagedRootIsReportedAndTheOneBeforeIsLoaded) {
  const TestDirectory dir;
  LastGood last_good(dir.path(), RealDisk());
  ASSERT_TRUE(last_good.Save(*Image(1, 1)).ok());
  ASSERT_TRUE(last_good.Save(*Image(2, 5)).ok());
  const std::string path = dir / "root-00000000000000000002";
  const auto size = std::filesystem::file_size(path);
  for (const uintmax_t length : {size - 1, size / 2, uintmax_t{100}, uintmax_t{0}}) {
    std::filesystem::resize_file(path, length);
    const LastGood::Loaded loaded = last_good.Load();
    ASSERT_NE(loaded.image, nullptr);
    EXPECT_EQ(loaded.image->generation(), 1u);
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_NE(loaded.problems[0].find(path), std::string::npos) << loaded.problems[0];
  }
}

TEST(LastGoodTest, DamagedTableIsReportedAndWrittenAnewByTheNextSave) {
  const TestDirectory dir;
  LastGood last_good(dir.path(), RealDisk());
  const auto image = Image(1, 1);
  ASSERT_TRUE(last_good.Save(*image).ok());
  const std::string path = (dir / "tables/") + HexDigest(image->tables()[0]->digest());
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).put('\x33');
  const LastGood::Loaded loaded = last_good.Load();
  EXPECT_EQ(loaded.image, nullptr);
  ASSERT_EQ(loaded.problems.size(), 1u);
  ASSERT_TRUE(last_good.Save(*image).ok());
  EXPECT_EQ(GenerationOn(dir.path()), 1u);
}

TEST(LastGoodTest, DiskThatCannotBeWrittenIsAnErrorThatNamesThePath) {
  const absl::Status status = LastGood("/proc/nowhere", RealDisk()).Save(*Image(1, 1));
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("/proc/nowhere"), absl::string_view::npos) << status;
}

TEST(LastGoodWriterTest, WaitsUntilTheImageIsThereAndTellsWhyNot) {
  const TestDirectory dir;
  LastGoodWriter writer{LastGood(dir.path(), RealDisk())};
  for (uint64_t generation = 1; generation <= 20; generation++) {
    ASSERT_EQ(writer.SaveAndWait(Image(generation, 1), absl::Seconds(60)), absl::OkStatus());
    EXPECT_EQ(GenerationOn(dir.path()), generation);
  }
  LastGoodWriter nowhere{LastGood("/proc/nowhere", RealDisk())};
  EXPECT_FALSE(nowhere.SaveAndWait(Image(1, 1), absl::Seconds(60)).ok());
}

TEST(LastGoodWriterTest, LatestImageWins) {
  const TestDirectory dir;
  {
    LastGoodWriter writer{LastGood(dir.path(), RealDisk())};
    for (uint64_t generation = 1; generation <= 50; generation++) {
      writer.Save(Image(generation, static_cast<uint32_t>(generation)));
    }
    writer.Flush();
    EXPECT_EQ(writer.status(), absl::OkStatus());
    EXPECT_EQ(GenerationOn(dir.path()), 50u);
    writer.Save(Image(51, 3));
  }
  EXPECT_EQ(GenerationOn(dir.path()), 51u);
}

}  // namespace
}  // namespace evenkeel
