#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "control/config/parse.h"
#include "gtest/gtest.h"

namespace evenkeel {
namespace {

class ReadConfigFileTest : public testing::Test {
 protected:
  ReadConfigFileTest() {
    char name[] = "/tmp/evenkeel-read-file-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ReadConfigFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }

  std::string folder_;
};

TEST_F(ReadConfigFileTest, ReturnsEveryByte) {
  const std::string text("a: 1\r\n\0\xff", 8);
  EXPECT_EQ(*ReadConfigFile(Write("a.yaml", text)), text);
  EXPECT_EQ(*ReadConfigFile(Write("empty.yaml", "")), "");
}

TEST_F(ReadConfigFileTest, NamesPathAndReasonWhenItCannotBeOpened) {
  const absl::Status status = ReadConfigFile(Path("none.yaml")).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(status.message().find(Path("none.yaml")), absl::string_view::npos);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadConfigFile(folder_).status()));
}

TEST_F(ReadConfigFileTest, DoesNotHangOnAPipeWithoutWriter) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(*ReadConfigFile(Path("pipe")), "");
}

TEST_F(ReadConfigFileTest, CutsAFileThatIsTooLargeWhereParsingRefusesIt) {
  const std::string path = Write("large.yaml", "# ");
  std::filesystem::resize_file(path, kConfigBytesMax + 4096);
  const absl::StatusOr<std::string> text = ReadConfigFile(path);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->size(), kConfigBytesMax + 1);
  const ParseResult result = ParseConfig(*text);
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].message, "the file is larger than 16 MiB");
}

}  // namespace
}  // namespace evenkeel
