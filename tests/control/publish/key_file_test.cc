#include "control/publish/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "tests/control/app/temp_dir.h"

namespace evenkeel {
namespace {

void Write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
}

TEST(KeyFileTest, IsReadAsTwoLittleEndianWords) {
  TempDir dir;
  Write(dir / "key", "000102030405060708090a0b0c0d0e0F\n");
  const absl::StatusOr<ClusterKey> key = ReadKey(dir / "key");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->words()[0], 0x0706050403020100ull);
  EXPECT_EQ(key->words()[1], 0x0f0e0d0c0b0a0908ull);
  EXPECT_EQ(key->fingerprint().size(), 64u);
}

TEST(KeyFileTest, IsMadeOnceAndKept) {
  TempDir dir;
  const absl::StatusOr<ClusterKey> made = ReadOrMakeKey(dir / "key");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(ReadOrMakeKey(dir / "key")->bytes, made->bytes);
  struct stat facts {};
  ASSERT_EQ(stat((dir / "key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_EQ(facts.st_size, 33);
  const auto entries = std::filesystem::directory_iterator(dir.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "the draft is still there";
  EXPECT_NE(ReadOrMakeKey(dir / "other")->bytes, made->bytes);
}

TEST(KeyFileTest, RefusesAFileThatOthersMayRead) {
  TempDir dir;
  Write(dir / "key", "000102030405060708090a0b0c0d0e0f\n", 0640);
  const absl::Status status = ReadOrMakeKey(dir / "key").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "chmod 600")) << status;
}

TEST(KeyFileTest, RefusesWhatIsNoKey) {
  TempDir dir;
  for (const char* text :
       {"", "0001", "000102030405060708090a0b0c0d0e0g", "000102030405060708090a0b0c0d0e0f00",
        "0x0102030405060708090a0b0c0d0e0f"}) {
    Write(dir / "key", text);
    const absl::Status status = ReadOrMakeKey(dir / "key").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), dir / "key")) << status;
  }
}

TEST(KeyFileTest, SaysWhichFolderCannotBeWritten) {
  const absl::Status status = ReadOrMakeKey("/nonexistent/evenkeel/cluster.key").status();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/evenkeel/cluster.key")) << status;
}

}  // namespace
}  // namespace evenkeel
