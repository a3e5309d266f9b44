// A structural change of a service that is still on its way from another: what plan and apply say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "control/change/refusals.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kIdle = absl::Minutes(15);

class UnfinishedTest : public testing::Test, protected ChangeRig {
 protected:
  // `http` sends to `pool`, one of three without a backend in common; `web` has `slots`.
  std::string Site(absl::string_view pool, absl::string_view slots = "4096") {
    return absl::StrReplaceAll(
        Text({10, 10}),
        {{"  web:\n",
          "  api: {table: {slots: 4096}, backends: {b3: {address: 10.0.2.13, weight: 1}}}\n"
          "  third: {table: {slots: 4096}, backends: {b4: {address: 10.0.2.14, weight: 1}}}\n"
          "  web:\n"},
         {"slots: 4096", absl::StrCat("slots: ", slots)},
         {"ports: [80], protocol: tcp, pool: web",
          absl::StrCat("ports: [80], protocol: tcp, pool: ", pool)}});
  }
  Plan PlanOf(const std::string& text, std::vector<Allow> allow = {}) {
    absl::StatusOr<Plan> plan = pipeline_->PlanChange({.content = text, .allow = allow});
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? *std::move(plan) : Plan();
  }
  // What the plan says of services that are still on their way.
  static std::vector<Finding> Waits(const Plan& plan) {
    std::vector<Finding> waits;
    for (const Finding& finding : plan.findings) {
      if (absl::StrContains(finding.message, "still on its way")) waits.push_back(finding);
    }
    return waits;
  }
  std::string In(absl::Duration wait) { return TimeText(clock_.Now() + wait); }
};

TEST_F(UnfinishedTest, PlanSaysWhatWaitsForWhatAndUntilWhenAtTheLeast) {
  ASSERT_FALSE(Now(Site("web")).refusal);
  EXPECT_TRUE(Waits(PlanOf(Site("api"))).empty());
  ASSERT_FALSE(Now(Site("api")).refusal);
  const Plan plan = PlanOf(Site("third"));
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
  const std::vector<Finding> waits = Waits(plan);
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].rule, "F32");
  EXPECT_EQ(waits[0].severity, Severity::kError);
  EXPECT_EQ(waits[0].path, "services.http");
  EXPECT_GT(waits[0].line, 0);
  EXPECT_THAT(waits[0].message,
              AllOf(HasSubstr("one structural change of a service at a time"),
                    HasSubstr(absl::StrCat("explain says pure, not before ", In(kIdle)))));
  EXPECT_TRUE(Waits(PlanOf(Site("web"))).empty()) << "the way back";
  EXPECT_TRUE(Waits(PlanOf(Site("api"))).empty());

  Advance(kIdle + absl::Seconds(1));
  const std::vector<Finding> later = Waits(PlanOf(Site("third")));
  ASSERT_EQ(later.size(), 1u) << "its connections may have entries";
  EXPECT_FALSE(absl::StrContains(later[0].message, "not before")) << later[0].message;
  EXPECT_TRUE(Now(Site("third")).refusal);
}

TEST_F(UnfinishedTest, WithinAPoolTheTimeThatPlanSaysIsTheOneThatApplyKeepsTo) {
  ASSERT_FALSE(Now(Site("web")).refusal);
  ASSERT_FALSE(Now(Site("web", "8192")).refusal);
  Advance(absl::Seconds(100) + absl::Milliseconds(1));
  const std::string next = Site("web", "16384");
  // `dns` is of the same pool: a datagram waits for a minute alone.
  const std::vector<Finding> waits = Waits(PlanOf(next));
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].path, "services.http");
  EXPECT_THAT(waits[0].message,
              HasSubstr(absl::StrCat("the next one from ", In(kIdle - absl::Seconds(100)), " on")));
  Advance(kIdle - absl::Seconds(101));
  EXPECT_TRUE(Now(next).refusal);
  Advance(absl::Seconds(1));
  EXPECT_TRUE(Waits(PlanOf(next)).empty());
  EXPECT_FALSE(Now(next).refusal);
}

TEST_F(UnfinishedTest, ApplyIsRefusedByThatFindingBeforeAnythingIsBegun) {
  ASSERT_FALSE(Now(Site("web")).refusal);
  const int64_t running = Now(Site("api")).revision;
  const Plan plan = PlanOf(Site("third"));
  const ApplyOutcome outcome = Now(Site("third"));
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->code, "refused");
  EXPECT_THAT(outcome.refusal->message,
              AllOf(HasSubstr("F32 at services.http"), HasSubstr(Waits(plan).at(0).message)));
  EXPECT_THAT(outcome.refusal->hint,
              AllOf(HasSubstr("nothing was changed"), Not(HasSubstr("--allow"))));
  EXPECT_EQ(outcome.findings, plan.findings);
  EXPECT_EQ(pipeline_->History()->front().revision, running) << "no revision that failed";
  EXPECT_EQ(PlaneRevision(), running);
}

TEST_F(UnfinishedTest, NoOverrideLetsItPass) {
  ASSERT_FALSE(Now(Site("web")).refusal);
  ASSERT_FALSE(Now(Site("api")).refusal);
  const std::vector<Allow> allow = {{.rule = "F32",
                                     .at = "services.http",
                                     .reason = "r",
                                     .until = clock_.Now() + absl::Hours(1)}};
  const Plan plan = PlanOf(Site("third"), allow);
  EXPECT_EQ(Waits(plan).size(), 1u);
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
}

TEST_F(UnfinishedTest, ACarvedOutServiceWaitsToo) {
  const std::string all = absl::StrReplaceAll(
      Site("web"), {{"vip: 203.0.113.10, ports: [80]", "vip: 203.0.113.0/24, ports: [80]"}});
  const auto with_one = [&](absl::string_view pool) {
    return absl::StrCat(all, "  one: {vip: 203.0.113.11, ports: [80], protocol: tcp, pool: ", pool,
                        "}\n");
  };
  ASSERT_FALSE(Now(all).refusal);
  ASSERT_FALSE(Now(with_one("api")).refusal);
  const std::vector<Finding> waits = Waits(PlanOf(with_one("third")));
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].path, "services.one");
}

// What a refusal is decides what whoever is refused can do, not how its hint is worded.
TEST(WayPastTest, IsAnOverrideButForWhatIsUnfinished) {
  const auto hint = [](absl::string_view rule, absl::string_view verb) {
    Plan plan;
    plan.findings = {{.rule = "F32", .severity = Severity::kWarning, .hint = "see"},
                     {.rule = std::string(rule), .path = "services.http", .hint = "THEN"}};
    return RefusedByPlan(plan, verb).hint;
  };
  EXPECT_THAT(hint("F12", "apply"), AllOf(HasSubstr("--allow"), Not(HasSubstr("THEN"))));
  EXPECT_THAT(hint("F32", "apply"), AllOf(Not(HasSubstr("--allow")), HasSubstr("THEN")));
  EXPECT_THAT(hint("F32", "drain"), HasSubstr("--force"));
}

}  // namespace
}  // namespace evenkeel
