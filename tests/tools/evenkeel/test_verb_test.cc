// The language of `evenkeel test`, and what its assertions find.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"
#include "tools/evenkeel/test_file.h"
#include "tools/evenkeel/test_run.h"

namespace evenkeel::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Sample kFour{.weights = {100, 100, 100, 100}};

std::string WithTests(const std::string& tests) {
  return "schema: evenkeel-tests/v1\nbase: running.yaml\ntests:\n" + tests;
}

std::vector<std::string> Messages(const std::string& text) {
  std::vector<std::string> messages;
  for (const Finding& finding : ParseTestFile(text).findings) {
    messages.push_back(absl::StrCat(finding.line, ": ", finding.message));
  }
  return messages;
}

// The message of the only test; "ok: " or "failed: " before it.
std::string Outcome(const std::string& test, const Sample& candidate = kFour) {
  const TestFileResult parsed = ParseTestFile(WithTests("  - " + test + "\n"));
  EXPECT_THAT(parsed.findings, IsEmpty())
      << (parsed.findings.empty() ? "" : parsed.findings[0].message);
  if (!parsed.file) return "";
  const Config base = Parsed(kFour);
  const absl::StatusOr<v1::TestReply> reply = RunTests(*parsed.file, Parsed(candidate), &base);
  EXPECT_TRUE(reply.ok()) << reply.status();
  if (!reply.ok()) return "";
  EXPECT_EQ(reply->ok(), reply->results(0).ok());
  return (reply->ok() ? "ok: " : "failed: ") + reply->results(0).message();
}

TEST(TestFileTest, ReportsEveryProblemAtOnce) {
  EXPECT_THAT(
      Messages("schema: evenkeel-tests/v1\n"
               "tests:\n"
               "  - {name: a, service: s, expct: {}}\n"
               "  - {name: b, service: s, expect: {share: {w: {min: 5}}}}\n"
               "  - {name: c, change: true, expect: {load: {max: 5%}}}\n"),
      ElementsAre(HasSubstr("1: a test of a change needs something to compare with"),
                  HasSubstr("3: the key `expect` is missing"), HasSubstr("3: unknown key `expct`"),
                  HasSubstr("4: expected a percentage"),
                  HasSubstr("5: a test of a change cannot expect `load`")));
}

TEST(TestFileTest, RefusesTestsThatExpectNothing) {
  EXPECT_THAT(Messages(WithTests("  - {name: a, service: s, expect: {}}\n")),
              ElementsAre("4: a test that expects nothing"));
  EXPECT_THAT(Messages(WithTests("  - {name: a, service: s, expect: {slots: {}}}\n")),
              ElementsAre("4: bounds without a bound"));
  EXPECT_THAT(Messages(WithTests("  - {name: a, expect: {slots: {min: 1}}}\n")),
              ElementsAre("4: a test of a table names one service or one pool"));
}

TEST(TestRunTest, ComparesShares) {
  EXPECT_EQ(
      Outcome("{name: a, service: https, expect: {share: {web-1: {min: 24.9%, max: 25.1%}}}}"),
      "ok: the share of web-1 is 25%");
  EXPECT_EQ(Outcome("{name: a, pool: web, expect: {share: {web-1: {max: 20%}}}}"),
            "failed: the share of web-1 is 25%, expected at most 20%");
  EXPECT_EQ(Outcome("{name: a, pool: web, expect: {share: {web-9: {max: 20%}}}}"),
            "failed: pool web has no backend web-9");
  EXPECT_EQ(Outcome("{name: a, service: web, expect: {share_error: {max: 1%}}}"),
            "failed: there is no service web");
}

TEST(TestRunTest, ComparesSlotsAndBackends) {
  EXPECT_THAT(Outcome("{name: a, pool: web, expect: {slots: {min: 16384}}}"),
              HasSubstr("ok: slots of web-1 is 16384"));
  EXPECT_EQ(
      Outcome("{name: a, pool: web, expect: {backends: [web-1, web-2]}}"),
      "failed: the list of serving backends is web-1, web-2, web-3, web-4, expected web-1, web-2");
}

TEST(TestRunTest, SendsFlowsThroughTheCore) {
  EXPECT_EQ(
      Outcome(
          "{name: a, flow: {from: '198.51.100.7:40000', to: '203.0.113.10:443', protocol: tcp}, "
          "expect: {verdict: forward, service: https, pool: web}}"),
      "ok: the verdict is forward; the service is https; the pool is web");
  EXPECT_EQ(
      Outcome(
          "{name: a, flow: {from: '198.51.100.7:40000', to: '203.0.113.10:443', protocol: udp}, "
          "expect: {service: quic}}"),
      "ok: the service is quic");
  EXPECT_EQ(
      Outcome("{name: a, flow: {from: '198.51.100.7:40000', to: '203.0.113.10:22', protocol: tcp}, "
              "expect: {verdict: forward}}"),
      "failed: the verdict is pass, expected forward");
  EXPECT_EQ(
      Outcome("{name: a, flow: {from: '198.51.100.7:40000', to: '203.0.113.10:443', protocol: tcp, "
              "bytes: 1590}, expect: {verdict: reply}}"),
      "ok: the verdict is reply");
}

TEST(TestRunTest, MeasuresTheChange) {
  const Sample three{.weights = {100, 100, 100}};
  EXPECT_EQ(Outcome("{name: a, change: true, expect: {verdict: allow, weight_lost: {max: 25%}, "
                    "services_touched: {max: 2}}}",
                    three),
            "ok: the verdict is allow; the healthy weight lost is 25%; the number of services "
            "touched is 2");
  EXPECT_THAT(
      Outcome("{name: a, change: true, service: quic, expect: {slots_moved: {max: 5%}}}", three),
      HasSubstr("failed: the share of slots that move is 25"));
}

TEST(TestRunTest, MeasuresLosses) {
  EXPECT_EQ(Outcome("{name: a, pool: web, failures: 1, expect: {load: {max: 134%}}}"),
            "ok: the survivors' load, of what it was, is 133.3%");
  EXPECT_EQ(Outcome("{name: a, pool: web, failures: 4, expect: {load: {max: 134%}}}"),
            "failed: nobody is left");
  EXPECT_EQ(
      Outcome("{name: a, pool: web, failures: 1, new_flows: 100, expect: {load: {max: 90%}}}"),
      "failed: no backend that is left declares a capacity");
}

TEST(JunitTest, EscapesAndCounts) {
  v1::TestReply reply;
  v1::TestResult& good = *reply.add_results();
  good.set_name("a<b");
  good.set_ok(true);
  v1::TestResult& bad = *reply.add_results();
  bad.set_name("c");
  bad.set_message("\"x\" & y");
  EXPECT_EQ(JunitXml(reply, "t.yaml"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"t.yaml\" tests=\"2\" failures=\"1\">\n"
            "  <testcase classname=\"t.yaml\" name=\"a&lt;b\"/>\n"
            "  <testcase classname=\"t.yaml\" name=\"c\">\n"
            "    <failure message=\"&quot;x&quot; &amp; y\"/>\n"
            "  </testcase>\n"
            "</testsuite>\n");
}

}  // namespace
}  // namespace evenkeel::cli
