// The verbs that look at changes (plan, history, show, diff, audit), against a stand-in for
// evenkeeld.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/tools/evenkeel/verb_runner.h"

namespace evenkeel::cli {
namespace {

constexpr char kDigest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

class LookVerbsTest : public VerbsTest {};

TEST_F(LookVerbsTest, HistoryListsEveryRevision) {
  FakeAnswers answers;
  Start(answers);
  EXPECT_TRUE(absl::StrContains(Run({"history"}).out, "no revision yet"));
  daemon_.reset();
  v1::Revision& second = *answers.history.add_revisions();
  second.set_revision(2);
  second.set_state("rolled_back");
  second.set_when("2026-11-29T05:12:00Z");
  second.set_who("alice");
  second.set_reason("more room");
  second.set_plan_digest(kDigest);
  second.set_base_revision(1);
  second.set_outcome("the deadline passed");
  answers.history.add_revisions()->set_revision(1);
  Start(answers);
  const std::string text = Run({"history"}).out;
  EXPECT_TRUE(absl::StrContains(text,
                                "       2  rolled_back  2026-11-29T05:12:00Z  alice     1  "
                                "0123456789ab  more room  the deadline passed\n"))
      << text;
  const Json json = Run({"history", "--json"}).Object();
  ASSERT_EQ(json["revisions"].size(), 2u);
  EXPECT_EQ(json["revisions"][0]["plan_digest"], kDigest);
  EXPECT_TRUE(json["revisions"][1]["plan_digest"].is_null());
  for (const char* name :
       {"revision", "state", "when", "who", "reason", "plan_digest", "base_revision"}) {
    EXPECT_TRUE(json["revisions"][1].contains(name)) << name;
  }
}

TEST_F(LookVerbsTest, ShowPrintsTheFileByteForByte) {
  FakeAnswers answers;
  const std::string content("schema: x\n\x00\xff", 12);
  answers.shown[3].mutable_revision()->set_revision(3);
  answers.shown[3].set_content(content);
  v1::Drain& drain = *answers.shown[3].add_drains();
  drain.set_pool("web");
  drain.set_backend("b1");
  drain.set_reason("fan");
  Start(answers);
  const Outcome text = Run({"show", "3"});
  EXPECT_EQ(text.status, 0);
  EXPECT_EQ(text.out, content);
  EXPECT_EQ(text.err, "evenkeel: beside the file web/b1 was drained: fan\n");
  const Json json = Run({"show", "3", "--json"}).Object();
  EXPECT_EQ(json["revision"], 3);
  EXPECT_TRUE(absl::StartsWith(json["content"].get<std::string>(), "schema: x\n"));
  EXPECT_EQ(json["drains"][0]["backend"], "b1");
  EXPECT_EQ(Run({"show", "4"}).status, 1);
  EXPECT_EQ(Run({"show", "4", "--json"}).Object()["error"]["code"], "not_found");
  for (const char* operand : {"0", "-1", "x", "03", ""}) {
    EXPECT_EQ(Run({"show", "--", operand}).status, 2) << operand;
  }
}

TEST_F(LookVerbsTest, DiffComparesByMeaning) {
  FakeAnswers answers;
  answers.shown[1].set_content(ValidConfig());
  answers.shown[2].set_content("# a comment more\n" + ValidConfig());
  answers.shown[3].set_content(absl::StrReplaceAll(
      ValidConfig(),
      {{"web-2: {address: 10.0.1.12, weight: 100}", "web-3: {address: 10.0.1.13, weight: 300}"}}));
  answers.shown[4].set_content("schema: evenkeel/v9\n");
  answers.shown[5] = answers.shown[1];
  v1::Drain& drain = *answers.shown[5].add_drains();
  drain.set_pool("web");
  drain.set_backend("web-2");
  drain.set_reason("fan");
  Start(answers);
  EXPECT_EQ(Run({"diff", "1", "2"}).out, "they mean the same\n");
  EXPECT_EQ(Run({"diff", "1", "2", "--json"}).out,
            R"({"from":1,"to":2,"same":true,"changes":[],"shares":[]})"
            "\n");
  EXPECT_EQ(Run({"diff", "1", "3"}).out,
            "- pools.web.backends.web-2  address 10.0.1.12, weight 100\n"
            "+ pools.web.backends.web-3  address 10.0.1.13, weight 300\n"
            "\n"
            "BACKEND    BEFORE   AFTER  CHANGE\n"
            "web/web-1  50.00%  25.00%  same\n"
            "web/web-3   0.00%  75.00%  added\n"
            "web/web-2  50.00%   0.00%  removed\n");
  const Json json = Run({"diff", "1", "3", "--json"}).Object();
  EXPECT_EQ(json["changes"][1]["change"], "added");
  EXPECT_TRUE(json["changes"][1]["before"].is_null());
  EXPECT_EQ(json["shares"][1]["share_after"], 0.75);
  EXPECT_TRUE(absl::StrContains(Run({"diff", "1", "5"}).out,
                                "+ pools.web.backends.web-2.drain.reason  fan\n"));
  EXPECT_EQ(Run({"diff", "1", "4"}).status, 1) << "not readable";
  EXPECT_EQ(Run({"diff", "1", "9"}).status, 1) << "not there";
  EXPECT_EQ(Run({"diff", "1"}).status, 2);
  EXPECT_EQ(Run({"diff", "1", "x"}).status, 2);
}

TEST_F(LookVerbsTest, DiffSaysDurationsAsTheFileDoes) {
  FakeAnswers answers;
  answers.shown[1].set_content(ValidConfig());
  answers.shown[2].set_content(ValidConfig() + "safety: {confirm_within: 10m}\n");
  Start(answers);
  EXPECT_EQ(Run({"diff", "1", "2"}).out, "~ safety.confirm_within  5m -> 10m\n");
}

TEST_F(LookVerbsTest, AuditIs1WhereSomethingIsWrong) {
  FakeAnswers answers;
  answers.audit.set_ok(true);
  answers.audit.mutable_chain()->set_entries(12);
  answers.audit.mutable_chain()->set_head(kDigest);
  Start(answers);
  Outcome outcome = Run({"audit"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            absl::StrCat("OK  no findings; the log has 12 entries, its head is ", kDigest, "\n"));
  EXPECT_EQ(Run({"audit", "--json"}).out,
            absl::StrCat(R"({"ok":true,"findings":[],"chain":{"entries":12,"head":")", kDigest,
                         "\"}}\n"));
  daemon_.reset();
  answers.audit.set_ok(false);
  v1::Finding& finding = *answers.audit.add_findings();
  finding.set_rule("audit");
  finding.set_severity("error");
  finding.set_message("slot 7 of pool web is not what was published");
  Start(answers);
  outcome = Run({"audit"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(absl::StrContains(outcome.out, "error audit: slot 7 of pool web")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "NOT OK  1 error")) << outcome.out;
  EXPECT_FALSE(Run({"audit", "--json"}).Object()["ok"]);
}

TEST_F(LookVerbsTest, PlanAsksWhatRuns) {
  FakeAnswers answers;
  answers.plan.set_digest(kDigest);
  answers.plan.set_base_revision(4);
  answers.plan.set_verdict("allow");
  answers.plan.mutable_evidence();
  answers.plan.add_services()->set_service("http");
  Start(answers);
  const std::string file = folder_.Write("a.yaml", "x");
  const Outcome text = Run({"plan", file, "--new-flows=http=12"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_TRUE(absl::StartsWith(text.out, absl::StrCat("ALLOW  ", file, " against revision 4\n")))
      << text.out;
  EXPECT_EQ(daemon_->planned().content(), "x");
  EXPECT_EQ(daemon_->planned().file(), file);
  EXPECT_EQ(daemon_->planned().new_flows().at("http"), 12);
  const Json json = Run({"plan", file, "--json"}).Object();
  for (const char* name : {"digest", "base_revision", "verdict", "findings", "pools", "services",
                           "connections_at_risk", "if_lost", "evidence"}) {
    EXPECT_TRUE(json.contains(name)) << name;
  }
  EXPECT_FALSE(json.contains("error"));
  EXPECT_EQ(Run({"plan", file, "--new-flows=dns=12"}).status, 2) << "no such service";
  EXPECT_EQ(Run({"plan", file, "--probe", "--base", file}).status, 2) << "evenkeeld probes";
  EXPECT_EQ(Run({"plan", folder_.Path("none")}).status, 2);
}

TEST_F(LookVerbsTest, PlanThatIsRefusedIs1AndStillAPlan) {
  FakeAnswers answers;
  answers.plan.set_verdict("refuse");
  answers.plan.mutable_evidence();
  v1::Finding& finding = *answers.plan.add_findings();
  finding.set_rule("F12");
  finding.set_severity("error");
  Start(answers);
  const Outcome outcome = Run({"plan", folder_.Write("a.yaml", "x"), "--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.Object()["verdict"], "refuse");
  EXPECT_TRUE(outcome.Object()["digest"].is_null());
  EXPECT_FALSE(outcome.Object().contains("error"));
}

}  // namespace
}  // namespace evenkeel::cli
