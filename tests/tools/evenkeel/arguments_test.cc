#include "tools/evenkeel/arguments.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/match.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/help.h"

namespace evenkeel::cli {
namespace {

ParsedLine Parse(const std::vector<std::string>& args) { return ParseArguments(args, Commands()); }

std::string Complaint(const std::vector<std::string>& args) {
  const ParsedLine line = Parse(args);
  if (!line.failure) return "none";
  EXPECT_EQ(line.failure->exit, ExitStatus::kUsage);
  EXPECT_EQ(line.failure->code, "usage");
  EXPECT_FALSE(line.failure->hint.empty()) << line.failure->message;
  return line.failure->message;
}

TEST(ArgumentsTest, HasTheDefaultsOfTheInterface) {
  const ParsedLine line = Parse({"status"});
  ASSERT_FALSE(line.failure);
  EXPECT_EQ(line.command->name, "status");
  EXPECT_EQ(line.arguments.socket, "/run/evenkeel/control.sock");
  EXPECT_EQ(line.arguments.timeout, absl::Seconds(10));
  EXPECT_FALSE(line.json);
  EXPECT_FALSE(line.help);
}

TEST(ArgumentsTest, TakesGlobalFlagsBeforeAndAfterTheVerb) {
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"--socket=/s", "--json", "--timeout=2s", "validate", "f.yaml"},
           {"validate", "--socket", "/s", "f.yaml", "--json", "--timeout", "2s"},
           {"-socket=/s", "validate", "f.yaml", "-json=true", "--timeout=2000ms"}}) {
    const ParsedLine line = Parse(args);
    ASSERT_FALSE(line.failure) << line.failure->message;
    EXPECT_EQ(line.arguments.socket, "/s");
    EXPECT_TRUE(line.json);
    EXPECT_EQ(line.arguments.timeout, absl::Seconds(2));
    EXPECT_EQ(line.arguments.operands, std::vector<std::string>{"f.yaml"});
  }
}

TEST(ArgumentsTest, TakesUnderscoresAsGflagsDoes) {
  const ParsedLine line = Parse({"apply", "f.yaml", "--reason=a_b", "--confirm_within=1m"});
  ASSERT_FALSE(line.failure) << line.failure->message;
  EXPECT_EQ(line.arguments.Get("reason").text, "a_b");
  EXPECT_EQ(line.arguments.Get("confirm-within").duration, absl::Minutes(1));
}

TEST(ArgumentsTest, KeepsTheFlagsOfTheVerb) {
  const ParsedLine line =
      Parse({"apply", "f.yaml", "--reason", "more room", "--base=0", "--confirm=now"});
  ASSERT_FALSE(line.failure) << line.failure->message;
  EXPECT_EQ(line.arguments.Get("reason").text, "more room");
  EXPECT_EQ(line.arguments.Get("base").whole, 0);
  EXPECT_TRUE(line.arguments.Has("confirm"));
  EXPECT_FALSE(line.arguments.Has("wait"));
}

TEST(ArgumentsTest, EndsFlagsAtTwoDashes) {
  const ParsedLine line = Parse({"validate", "--", "--json"});
  ASSERT_FALSE(line.failure);
  EXPECT_EQ(line.arguments.operands, std::vector<std::string>{"--json"});
  EXPECT_FALSE(line.json);
}

TEST(ArgumentsTest, TakesALoneDashAsAnOperand) {
  EXPECT_EQ(Parse({"validate", "-"}).arguments.operands, std::vector<std::string>{"-"});
}

TEST(ArgumentsTest, NamesWhatIsWrong) {
  EXPECT_EQ(Complaint({}), "no verb is given");
  EXPECT_EQ(Complaint({"stauts"}), "unknown verb \"stauts\"");
  EXPECT_EQ(Complaint({"status", "--jsno"}), "unknown flag --jsno");
  EXPECT_EQ(Complaint({"--reason=x", "apply"}), "--reason stands before the verb");
  EXPECT_EQ(Complaint({"status", "x"}), "status: unexpected argument \"x\"");
  EXPECT_EQ(Complaint({"validate"}), "validate needs FILE");
  EXPECT_EQ(Complaint({"apply", "f", "--confirm=now"}), "apply needs --reason");
  EXPECT_EQ(Complaint({"apply", "f", "--reason"}), "--reason needs a value");
  EXPECT_EQ(Complaint({"apply", "f", "--reason", "--confirm=now"}), "--reason needs a value");
  EXPECT_EQ(Complaint({"apply", "f", "--reason= "}), "--reason=  is malformed");
  EXPECT_EQ(Complaint({"apply", "f", "--reason=a", "--base=-1"}), "--base=-1 is malformed");
  EXPECT_EQ(Complaint({"apply", "f", "--reason=a", "--base=01"}), "--base=01 is malformed");
  EXPECT_EQ(Complaint({"status", "--socket="}), "--socket= is malformed");
  EXPECT_EQ(Complaint({"status", "--json=yes"}), "--json=yes is malformed");
  EXPECT_EQ(Complaint({"status", "--socket=/a", "--socket=/b"}), "--socket is given twice");
  EXPECT_EQ(Complaint({"explain", "--from=1.2.3.4:5", "--to=1.2.3.4:6"}), "explain needs --proto");
}

TEST(ArgumentsTest, RefusesDurationsOfAnyOtherSpelling) {
  for (const char* text :
       {"10", "s", "1.5s", "-1s", "+1s", "01s", "1 s", "1S", "1m30s", "0s", "2d"}) {
    EXPECT_NE(Complaint({"status", std::string("--timeout=") + text}), "none") << text;
  }
}

TEST(ArgumentsTest, SuggestsTheNearestWord) {
  EXPECT_EQ(Parse({"stauts"}).failure->hint, "did you mean status?");
  EXPECT_EQ(Parse({"status", "--jsno"}).failure->hint, "did you mean --json?");
  EXPECT_EQ(Parse({"zebra"}).failure->hint, "evenkeel --help lists the verbs");
}

TEST(ArgumentsTest, SaysOfEveryVerbAndFlagThatIsMissingThatItIsNotBuilt) {
  int lacking = 0;
  for (const CommandSpec& command : Commands()) {
    for (const FlagSpec& flag : command.flags) {
      if (flag.state != FlagState::kNotBuilt) continue;
      EXPECT_EQ(Complaint({command.name, "--" + flag.name}),
                "--" + flag.name + " of " + command.name + " is not built in this version");
    }
    if (command.built()) continue;
    ++lacking;
    // Whatever else the call says: this version cannot know its flags.
    EXPECT_EQ(Complaint({command.name, "x", "--whatever=1"}),
              "verb " + command.name + " is not built in this version");
  }
  EXPECT_GT(lacking, 0);
}

TEST(ArgumentsTest, KnowsEveryVerbOfTheInterface) {
  for (const char* verb :
       {"validate", "rules",   "plan",   "test",   "simulate", "apply",   "confirm",
        "rollback", "history", "show",   "diff",   "audit",    "status",  "services",
        "backends", "top",     "watch",  "drain",  "undrain",  "explain", "drops",
        "capture",  "doctor",  "detach", "version"}) {
    EXPECT_FALSE(absl::StartsWith(Complaint({verb}), "unknown")) << verb;
  }
}

TEST(ArgumentsTest, AnswersAWrongCallAsJsonWhereverTheFlagStands) {
  EXPECT_TRUE(Parse({"nonsense", "--json"}).json);
  EXPECT_TRUE(Parse({"--json", "status", "--bogus"}).json);
  EXPECT_FALSE(Parse({"--json=false", "status"}).json);
}

TEST(ArgumentsTest, HelpNeedsNothingElseToBeRight) {
  EXPECT_TRUE(Parse({"-h"}).help);
  EXPECT_EQ(Parse({"--help"}).command, nullptr);
  const ParsedLine line = Parse({"apply", "--bogus", "--help"});
  EXPECT_TRUE(line.help);
  EXPECT_FALSE(line.failure);
  ASSERT_NE(line.command, nullptr);
  EXPECT_EQ(line.command->name, "apply");
  EXPECT_TRUE(Parse({"plan", "--help"}).help);
}

TEST(HelpTest, NamesEveryVerbAndFlag) {
  const std::string help = ProgramHelp(Commands());
  for (const CommandSpec& command : Commands()) {
    EXPECT_TRUE(absl::StrContains(help, command.name)) << command.name;
    const std::string own = CommandHelp(command);
    for (const FlagSpec& flag : command.flags) {
      EXPECT_TRUE(absl::StrContains(own, "--" + flag.name)) << command.name << " " << flag.name;
    }
  }
}

TEST(HelpTest, UsageLinesNameTheirOperandsAndRequiredFlags) {
  for (const CommandSpec& command : Commands()) {
    EXPECT_TRUE(absl::StartsWith(command.usage, command.name));
    for (const OperandSpec& operand : command.operands) {
      EXPECT_TRUE(absl::StrContains(command.usage, operand.name)) << command.usage;
    }
    for (const FlagSpec& flag : command.flags) {
      if (flag.state != FlagState::kRequired) continue;
      EXPECT_TRUE(absl::StrContains(command.usage, "--" + flag.name)) << command.usage;
    }
  }
}

class FlagfileTest : public testing::Test {
 protected:
  std::string Write(const std::string& text) {
    std::ofstream(path_) << text;
    return "--flagfile=" + path_;
  }
  void TearDown() override { std::remove(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "evenkeel_flagfile_test." +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(FlagfileTest, GivesGlobalFlagsTheirValues) {
  const ParsedLine line = Parse(
      {Write("# of this node\n\n  --socket=/run/other.sock\n-json\n--timeout=3s\n"), "status"});
  ASSERT_FALSE(line.failure) << line.failure->message;
  EXPECT_EQ(line.arguments.socket, "/run/other.sock");
  EXPECT_EQ(line.arguments.timeout, absl::Seconds(3));
  EXPECT_TRUE(line.json);
}

TEST_F(FlagfileTest, GivesWayToTheCommandLine) {
  const ParsedLine line = Parse({"status", "--socket=/mine", Write("--socket=/theirs\n")});
  EXPECT_EQ(line.arguments.socket, "/mine");
}

TEST_F(FlagfileTest, NamesTheLineThatIsWrong) {
  EXPECT_EQ(Complaint({Write("--json\n--reason=x\n"), "status"}),
            path_ + ":2: --reason=x is not a flag of the whole program");
  EXPECT_EQ(Complaint({Write("--timeout=soon\n"), "status"}),
            path_ + ":1: --timeout=soon is malformed");
  EXPECT_EQ(Complaint({"--flagfile=/nonexistent/flags", "status"}),
            "cannot read /nonexistent/flags: No such file or directory");
  EXPECT_EQ(Complaint({"--flagfile=/", "status"}), "cannot read /: Is a directory");
}

}  // namespace
}  // namespace evenkeel::cli
