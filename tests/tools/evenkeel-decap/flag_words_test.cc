#include "tools/evenkeel-decap/flag_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace evenkeel::decap {
namespace {

class FlagWordsTest : public testing::Test {
 protected:
  ~FlagWordsTest() override { unlink(path_.c_str()); }

  void Write(const char* text) { std::ofstream(path_) << text; }

  // The message; empty if nothing is wrong.
  std::string Complaint(const std::vector<std::string>& words) {
    const auto all = WithFlagfiles(words);
    EXPECT_TRUE(all.ok() || absl::IsInvalidArgument(all.status())) << all.status();
    return std::string(all.status().message());
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/flags.", getpid());
};

TEST_F(FlagWordsTest, PutLinesWhereTheFileIsNamed) {
  Write("# of a backend\n\n  --interface=eth0 \n--vip=10.0.0.0/8\n");
  const std::vector<std::string> expected = {"decap", "-a", "--interface=eth0", "--vip=10.0.0.0/8",
                                             "b"};
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"decap", "-a", "--flagfile=" + path_, "b"},
        {"decap", "-a", "--flagfile", path_, "b"},
        {"decap", "-a", "-flagfile=" + path_, "b"}}) {
    const auto all = WithFlagfiles(words);
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(*all, expected);
  }
}

TEST_F(FlagWordsTest, RefuseWhatIsNoFlag) {
  Write("--interface=eth0\nvips=10.0.0.0/8\n");
  EXPECT_TRUE(absl::StrContains(Complaint({"decap", "--flagfile=" + path_}), ":2: \"vips="));
  Write("--flagfile\n");
  EXPECT_TRUE(absl::StrContains(Complaint({"decap", "--flagfile=" + path_}), ":1: "));
}

TEST_F(FlagWordsTest, FollowFilesThatNameFiles) {
  Write("--flagfile=/nowhere/flags\n");
  EXPECT_TRUE(absl::StrContains(Complaint({"decap", "--flagfile=" + path_}), "/nowhere/flags"));
  Write(absl::StrCat("--flagfile=", path_, "\n").c_str());
  EXPECT_TRUE(absl::StrContains(Complaint({"decap", "--flagfile=" + path_}), "without end"));
}

TEST_F(FlagWordsTest, RefuseAFileThatCannotBeRead) {
  EXPECT_TRUE(
      absl::StrContains(Complaint({"decap", "--flagfile=/nowhere/flags"}), "/nowhere/flags"));
  EXPECT_TRUE(absl::StrContains(Complaint({"decap", "--flagfile=/tmp"}), "/tmp"));
  EXPECT_EQ(Complaint({"decap", "--flagfile"}), "--flagfile needs a path");
}

}  // namespace
}  // namespace evenkeel::decap
