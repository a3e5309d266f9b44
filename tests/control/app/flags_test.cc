#include "control/app/flags.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "tests/control/app/temp_dir.h"

namespace evenkeel {
namespace {

absl::StatusOr<Settings> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "evenkeeld");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

TEST(FlagsTest, AreReadWithEqualsAndWithASpace) {
  const absl::StatusOr<Settings> settings =
      Parse({"--state-dir=/a", "--socket", "/b", "--look_group=wheel"});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->state_dir, "/a");
  EXPECT_EQ(settings->socket, "/b");
  EXPECT_EQ(settings->look_group, "wheel");
}

TEST(FlagsTest, ComeFromAFlagFile) {
  TempDir dir;
  std::ofstream(dir / "flags")
      << "# comment\n\n  --state-dir=/from-file\n--plane=xdp\n--interface=eth0\n";
  const absl::StatusOr<Settings> settings = Parse({("--flagfile=" + (dir / "flags")).c_str()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->state_dir, "/from-file");
  EXPECT_EQ(settings->plane, "xdp");
}

TEST(FlagsTest, SwitchesNeedNoValueAndOthersDo) {
  TempDir dir;
  const std::string file = "--flagfile=" + (dir / "flags");
  std::ofstream(dir / "flags") << "--noflow_tracking\n--plane=xdp\n--interface=eth0\n";
  absl::StatusOr<Settings> settings = Parse({file.c_str()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->flow_tracking);
  settings = Parse({"--flow-tracking", "--plane=dpdk"});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_TRUE(settings->flow_tracking);
  // In a file the next line is another flag.
  std::ofstream(dir / "flags") << "--state-dir\n--plane=xdp\n";
  EXPECT_TRUE(
      absl::StrContains(Parse({file.c_str()}).status().message(), "--state-dir: in a flag"));
}

TEST(FlagsTest, RefuseAWrongCallAndNameTheWord) {
  for (const char* word : {"--bogus=1", "--plane=vpp", "--xdp-mode=fast", "apply",
                           "--socket=", "--state-dir=", "--http", "--flagfile=/nonexistent",
                           "--flagfile=/tmp", "-x", "--", "--http=9470", "--http=127.0.0.1:99999",
                           "--alarm-webhook=ftp://host/", "--alarm-exec=/nonexistent"}) {
    const absl::Status status = Parse({word}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << word;
    const std::string name = std::string(word).substr(0, std::string(word).find('='));
    EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
    // gflags keeps values: back to what they were.
    ASSERT_TRUE(Parse({"--plane=dpdk", "--xdp-mode=native", "--socket=/s", "--state-dir=/d",
                       "--http=", "--alarm-webhook=", "--alarm-exec="})
                    .ok());
  }
}

TEST(FlagsTest, HelpNamesEveryFlag) {
  const std::string help = HelpText();
  for (const char* flag : {"--socket", "--state-dir", "--http", "--plane", "--dataplane-socket",
                           "--interface", "--xdp-mode", "--look-group", "--change-group"}) {
    EXPECT_TRUE(absl::StrContains(help, flag)) << flag;
  }
}

}  // namespace
}  // namespace evenkeel
