// The audit: what it compares, and that it finds what was done to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AuditTest : public testing::Test, protected ChangeRig {
 protected:
  AuditTest() {
    for (uint32_t weight = 10; weight < 15; ++weight) EXPECT_FALSE(Now(Text({10, weight})).refusal);
  }

  // As somebody with an editor would, past the triggers.
  void Edit(const std::string& sql) {
    absl::StatusOr<Database> database = Database::Open(dir_ / "control.db");
    ASSERT_TRUE(database
                    ->Execute(absl::StrCat("DROP TRIGGER audit_is_not_changed; DROP TRIGGER "
                                           "audit_is_not_cut; ",
                                           sql)
                                  .c_str())
                    .ok());
  }
  std::vector<std::string> Messages(const AuditReport& report) {
    std::vector<std::string> messages;
    for (const Finding& finding : report.findings) {
      messages.push_back(absl::StrCat(finding.rule, " ", finding.message));
    }
    return messages;
  }
};

TEST_F(AuditTest, FindsNothingWhereNothingIsWrong) {
  const AuditReport report = pipeline_->Audit();
  EXPECT_TRUE(report.ok);
  EXPECT_THAT(Messages(report), ElementsAre());
  EXPECT_EQ(report.entries, 10u);
  EXPECT_EQ(LogHead({report.entries, report.head}), *store_->Head());
}

TEST_F(AuditTest, TheLogCannotBeChangedByASlip) {
  absl::StatusOr<Database> database = Database::Open(dir_ / "control.db");
  EXPECT_FALSE(database->Execute("UPDATE audit SET text = 'x' WHERE entry = 3").ok());
  EXPECT_FALSE(database->Execute("DELETE FROM audit WHERE entry > 3").ok());
}

TEST_F(AuditTest, NamesTheEntryThatWasChanged) {
  for (const char* field :
       {"text = text || 'x'", "who = 'mallory'", "uid = uid + 1", "at_us = at_us + 1",
        "event = 'confirmed '", "revision = revision + 1", "hash = randomblob(32)"}) {
    SCOPED_TRACE(field);
    ChangeRig rig;
    for (uint32_t weight = 10; weight < 13; ++weight) rig.Now(rig.Text({10, weight}));
    absl::StatusOr<Database> database = Database::Open(rig.dir_ / "control.db");
    ASSERT_TRUE(database
                    ->Execute(absl::StrCat("DROP TRIGGER audit_is_not_changed; UPDATE audit SET ",
                                           field, " WHERE entry = 4")
                                  .c_str())
                    .ok());
    const AuditReport report = rig.pipeline_->Audit();
    EXPECT_FALSE(report.ok);
    ASSERT_FALSE(report.findings.empty());
    EXPECT_THAT(report.findings[0].message, HasSubstr("entry 4 "));
    EXPECT_EQ(rig.pipeline_->Alarms().size(), report.findings.size());
  }
}

// The file's bytes, not its statements: every byte of one entry's text, in turn.
TEST_F(AuditTest, NamesTheEntryOfAnyByteThatWasChangedInTheFile) {
  const std::string reason = "a reason that stands nowhere else";
  const ApplyOutcome outcome =
      pipeline_->Apply({.content = Text({10, 20}), .reason = reason, .confirm = "now"}, kAlice);
  ASSERT_FALSE(outcome.refusal);
  Now(Text({10, 21}));
  Stop();  // everything is in the one file then
  const std::string file = dir_ / "control.db";
  std::stringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  const std::string before = bytes.str();
  const std::string in_log = absl::StrCat("because: ", reason);
  const size_t place = before.find(in_log);
  ASSERT_NE(place, std::string::npos);
  for (size_t i = 0; i < in_log.size(); ++i) {
    std::string after = before;
    after[place + i] = static_cast<char>(after[place + i] ^ (1 << (i % 7)));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << after;
    Start();
    const AuditReport report = pipeline_->Audit();
    ASSERT_FALSE(report.ok) << i;
    EXPECT_THAT(report.findings[0].message,
                HasSubstr("entry 11 of the audit log has been changed"));
    Stop();
  }
}

TEST_F(AuditTest, FindsAnEntryThatIsMissing) {
  Edit("DELETE FROM audit WHERE entry = 4");
  EXPECT_THAT(Messages(pipeline_->Audit()).at(0), HasSubstr("entry 4 of the audit log is missing"));
}

TEST_F(AuditTest, FindsALogThatWasCutShort) {
  Edit("DELETE FROM audit WHERE entry > 7");
  EXPECT_THAT(Messages(pipeline_->Audit()).at(0), HasSubstr("cut short: it ends with entry 7"));
}

TEST_F(AuditTest, FindsACutLogByTheImageThatThePlaneRuns) {
  // Cut by somebody who knows the store: its own record is made to fit.
  absl::StatusOr<Database> database = Database::OpenToRead(dir_ / "control.db");
  absl::StatusOr<Statement> read =
      database->Prepare("SELECT lower(hex(hash)) FROM audit WHERE entry = 7");
  ASSERT_TRUE(*read->Step());
  const std::string hash = read->Text(0);
  Edit(
      absl::StrCat("DELETE FROM audit WHERE entry > 7; UPDATE meta SET value = '7' WHERE key = "
                   "'audit_entries'; UPDATE meta SET value = '",
                   hash, "' WHERE key = 'audit_head'"));
  Restart();
  EXPECT_THAT(Messages(pipeline_->Audit()).at(0),
              HasSubstr("cut short: it ends with entry 7, and the image"));
}

TEST_F(AuditTest, FindsATableThatWasChangedBehindTheDaemonsBack) {
  PlaneAudit audit{.generation = pipeline_->Running()->generation};
  audit.digest = pipeline_->Running()->compiled->image->StatedDigest();
  audit.digest[0] ^= 1;
  audit.faults = {"slot 7 of pool web names backend 9"};
  plane_.SetAudit(audit);
  Advance(absl::Minutes(2));
  std::vector<std::string> alarms;
  for (const ControlAlarm& alarm : pipeline_->Alarms()) {
    alarms.push_back(absl::StrCat(alarm.rule, " ", alarm.message));
  }
  EXPECT_THAT(alarms, ElementsAre(HasSubstr("F55 the fake plane does not balance as was confirmed"),
                                  HasSubstr("slot 7 of pool web")));
  EXPECT_EQ(plane_.offered(), 5u) << "only a person acts";
  EXPECT_EQ(Now(Text({10, 14})).revision, 5) << "what runs already, as the hint says";
  EXPECT_EQ(plane_.offered(), 6u) << "published again: the plane mends its tables with that";
  plane_.SetAudit(std::nullopt);
  Advance(absl::Minutes(2));
  EXPECT_TRUE(pipeline_->Alarms().empty());
  Now(Text({10, 14}));
  EXPECT_EQ(plane_.offered(), 6u);
}

TEST_F(AuditTest, AShorterPeriodCountsAtOnce) {
  Advance(absl::Minutes(2));  // the next would be in a minute
  EXPECT_FALSE(Now(Text({10, 14}, "audit_every: 2s")).refusal);
  plane_.SetAudit(PlaneAudit{.generation = 1});
  Advance(absl::Seconds(1));
  EXPECT_TRUE(pipeline_->Alarms().empty());
  Advance(absl::Seconds(2));
  EXPECT_FALSE(pipeline_->Alarms().empty());
}

TEST_F(AuditTest, LetsChangesPassWhileThePlaneLooksAndAsksAgain) {
  int asked = 0;
  plane_.WhileAuditing([&] {
    if (++asked > 2) return;
    EXPECT_FALSE(Now(Text({10, 20u + static_cast<uint32_t>(asked)})).refusal);
  });
  const AuditReport report = pipeline_->Audit();
  EXPECT_TRUE(report.ok) << report.findings.at(0).message;
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(report.entries, store_->Head()->entries);
}

TEST_F(AuditTest, EndsAlsoWhereSomethingIsPublishedAllTheTime) {
  std::thread other;
  int asked = 0;
  plane_.WhileAuditing([&] {
    if (other.joinable()) other.join();
    other = std::thread([this, weight = 20u + static_cast<uint32_t>(++asked)] {
      EXPECT_FALSE(Now(Text({10, weight})).refusal);
    });
    // In the last of its tries the audit holds changes up, else they are done before the answer.
    if (asked < 5) other.join();
  });
  EXPECT_TRUE(pipeline_->Audit().ok);
  other.join();
  EXPECT_EQ(asked, 5);
}

TEST_F(AuditTest, FindsAWorkerThatHangsAndAPlaneThatIsGone) {
  PlaneAudit audit{.generation = pipeline_->Running()->generation,
                   .digest = pipeline_->Running()->compiled->image->StatedDigest(),
                   .workers = {5, 4}};
  plane_.SetAudit(audit);
  EXPECT_THAT(Messages(pipeline_->Audit()),
              ElementsAre(HasSubstr("has a worker (1) that uses generation 4, not 5")));
  plane_.Disconnect();
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre(HasSubstr("is not connected")));
}

TEST_F(AuditTest, ComparesTheFileByItsMeaning) {
  const std::string file = dir_ / "evenkeel.yaml";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  const std::string text = Text({10, 20});
  write(text);
  ASSERT_FALSE(
      pipeline_->Apply({.content = text, .file = file, .reason = "r", .confirm = "now"}, kAlice)
          .refusal);
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre());
  write(absl::StrCat("# a comment\n", text));
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre());
  ASSERT_FALSE(
      pipeline_->Drain({.pool = "web", .backend = "b1", .reason = "r", .force = true}, kAlice)
          .refusal);
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre()) << "drains aside";
  write(Text({10, 21}));
  const AuditReport report = pipeline_->Audit();
  EXPECT_THAT(Messages(report), ElementsAre(HasSubstr("F54 ")));
  EXPECT_TRUE(report.ok) << "a warning";
  std::filesystem::remove(file);
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre(HasSubstr("cannot be compared")));
}

TEST_F(AuditTest, FindsAnOverrideThatHasEnded) {
  const absl::Time until = clock_.Now() + absl::Hours(1);
  ASSERT_FALSE(
      pipeline_
          ->Apply({.content = Text({10, 20}),
                   .reason = "r",
                   .confirm = "now",
                   .allow = {{.rule = "F12", .at = "pools.web", .reason = "x", .until = until}}},
                  kAlice)
          .refusal);
  EXPECT_TRUE(pipeline_->Audit().ok);
  Advance(absl::Hours(2));
  EXPECT_THAT(Messages(pipeline_->Audit()), ElementsAre(HasSubstr("F63 the override of F12")));
}

}  // namespace
}  // namespace evenkeel
