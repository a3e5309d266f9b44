#include "control/plan/guards.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const Sample kThree{.weights = {100, 100, 100}};
const Sample kTen{.weights = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100}};

TEST(GuardsTest, RefuseHalfOfThePoolGone) {
  const Plan plan = Planned({.weights = {100, 100, 100, 100}}, {.weights = {100, 100}});
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
  EXPECT_THAT(Places(plan), Contains("error F12 pools.web"));
}

TEST(GuardsTest, RefuseAPoolThatIsEmptied) {
  const Plan plan = Planned(kThree, {.weights = {}});
  EXPECT_EQ(plan.services[0].moved, 1);
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
}

TEST(GuardsTest, LetOneOfThreeGo) {
  const Plan plan = Planned(kThree, {.weights = {100, 100}});
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_THAT(Places(plan), ElementsAre("warning F19 pools.web.backends"));
}

TEST(GuardsTest, LetAPoolGrowManyfold) {
  EXPECT_EQ(Planned(kThree, kTen).verdict, Verdict::kAllow);
}

TEST(GuardsTest, LetAnotherScalePass) {
  const Plan plan = Planned(kThree, {.weights = {10, 10, 10}});
  EXPECT_THAT(Places(plan), IsEmpty());
}

TEST(GuardsTest, RefuseWhatTheLast24HoursTookInSmallSteps) {
  PlanInputs inputs{.now = TestNow()};
  inputs.confirmed.Add(Parsed(kTen));
  const Plan plan = Planned({.weights = {100, 100, 100, 100, 100, 100, 100}},
                            {.weights = {100, 100, 100, 100, 100, 100}}, inputs);
  EXPECT_THAT(Places(plan), Contains("error F12 pools.web"));
}

TEST(GuardsTest, RefuseThePostmortemsChange) {
  // A maintenance change that gave one of five backends 80 % of the traffic for a week.
  const Plan plan =
      Planned({.weights = {100, 100, 100, 100, 100}}, {.weights = {1600, 100, 100, 100, 100}});
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
  EXPECT_THAT(Places(plan), testing::IsSupersetOf({"error F12 pools.web",
                                                   "warning F01 pools.web.backends.web-1.weight"}));
}

TEST(GuardsTest, WarnOfSharesThatJumpTwofold) {
  const Plan plan = Planned(kTen, {.weights = {100, 100, 100, 100, 100, 100, 100, 100, 100, 300}});
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_THAT(Places(plan), ElementsAre("warning F01 pools.web.backends.web-10.weight"));
}

TEST(GuardsTest, LimitTheServicesTouched) {
  std::string services;
  for (int i = 0; i < 9; ++i) {
    absl::StrAppend(&services, "  more-", i, ": {vip: 203.0.113.20, ports: [", 1000 + i,
                    "], protocol: tcp, pool: web}\n");
  }
  const auto with_services = [&services](const Sample& sample) {
    std::string text = sample.Text();
    return Parsed(text.replace(text.find("pools:"), 0, services));
  };
  const Config base = with_services(kTen);
  const Config after =
      with_services({.weights = {100, 100, 100, 100, 100, 100, 100, 100, 100, 90}});
  const Plan plan = Planned(&base, after);
  EXPECT_EQ(plan.services_touched, 11u);
  EXPECT_THAT(Places(plan), ElementsAre("error F12 services"));
  EXPECT_THAT(Places(Planned(&base, base)), IsEmpty());
}

TEST(GuardsTest, SayWhichServicesAreGoneAndRefuseMostOfThem) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.services.pop_back();
  EXPECT_THAT(Places(Planned(&base, after)), ElementsAre("warning F60 services"));
  after.services.clear();
  const Plan plan = Planned(&base, after);
  EXPECT_THAT(Places(plan), ElementsAre("error F60 services"));
  EXPECT_THAT(plan.services_removed, ElementsAre("https", "quic"));
}

TEST(GuardsTest, SayWhatNoLongerMatches) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.services[0].vip = IpPrefix(*IpAddress::Parse("203.0.113.11"));
  after.services[1].ports.ranges = {{444, 444}};
  EXPECT_THAT(Places(Planned(&base, after)),
              testing::UnorderedElementsAre("warning F25 services.https.vip",
                                            "warning F23 services.quic.ports"));
}

TEST(GuardsTest, SayWhoTakesFlowsOverFromWhom) {
  Config base = Parsed(kThree);
  base.services[0].ports = {.any = true};
  Config after = base;
  Service carved = base.services[0];
  carved.name = "api";
  carved.ports = {.ranges = {{8443, 8443}}};
  after.services.push_back(carved);
  EXPECT_THAT(Places(Planned(&base, after)), ElementsAre("warning F21 services.api"));
  // The other way round nothing changes hands: the exact service keeps its port.
  EXPECT_THAT(Places(Planned(&after, after)), IsEmpty());
}

TEST(GuardsTest, RefuseAnotherAffinity) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.services[0].affinity = Affinity::kClient;
  const Plan plan = Planned(&base, after);
  EXPECT_NEAR(plan.services[0].moved, 2.0 / 3, 0.001);
  EXPECT_EQ(plan.services[1].moved, 0);
  EXPECT_THAT(Places(plan), ElementsAre("error F12 services.https.affinity"));
}

TEST(GuardsTest, RefuseAnotherPoolWithOtherBackends) {
  const std::string other =
      "  api:\n    backends:\n      api-1: {address: 10.0.9.1, weight: 100}\n";
  const Config base = Parsed(Sample{.weights = {100, 100, 100}, .end = other});
  Config after = base;
  after.services[0].pool = "api";
  const Plan plan = Planned(&base, after);
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
  EXPECT_THAT(Places(plan), Contains("error F12 services.https.pool"));
}

TEST(GuardsTest, LetAPoolBeRenamed) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.pools[0].name = after.services[0].pool = after.services[1].pool = "www";
  const Plan plan = Planned(&base, after);
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_EQ(plan.services[0].moved, 0);
}

TEST(GuardsTest, LetServicesBeRenamed) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.services[0].name = "www";
  after.services[1].name = "h3";
  const Plan plan = Planned(&base, after);
  EXPECT_THAT(Places(plan), IsEmpty());
  EXPECT_FALSE(plan.services[0].is_new);
}

TEST(GuardsTest, WarnOfABackendThatComesFromAnotherPool) {
  const std::string other =
      "  api:\n    backends:\n      api-1: {address: 10.0.9.1, weight: 100}\n";
  const Config base = Parsed(Sample{.weights = {100, 100, 100}, .end = other});
  Config after = base;
  after.pools[0].backends.push_back(after.pools[1].backends[0]);
  EXPECT_THAT(Places(Planned(&base, after)), Contains("warning F13 pools.web.backends.api-1"));
}

TEST(GuardsTest, SayThatTheNetworkChangesForAll) {
  const Config base = Parsed(kThree);
  Config after = base;
  after.network.vlan = 12;
  const Plan plan = Planned(&base, after);
  EXPECT_EQ(plan.services_touched, 2u);
  EXPECT_THAT(Places(plan), ElementsAre("warning F45 network.vlan"));
}

TEST(GuardsTest, HoldThePoolToWhatItsObjectivesSay) {
  const Sample stated{.weights = {100, 100, 100},
                      .more = "    objectives: {survive_failures: 2}\n"};
  EXPECT_THAT(Places(Planned(nullptr, Parsed(stated))),
              ElementsAre("error F17 pools.web.objectives.survive_failures"));
  // As bad as before: said, and no obstacle.
  EXPECT_THAT(Places(Planned(stated, stated)),
              ElementsAre("warning F17 pools.web.objectives.survive_failures"));
  // The default promises nothing that one backend could break.
  EXPECT_THAT(Places(Planned(nullptr, Parsed(Sample{.weights = {100}}))), IsEmpty());
}

TEST(GuardsTest, RefuseMoreLoadThanTheCapacityAfterALoss) {
  Config config = Parsed(kThree);
  for (Backend& backend : config.pools[0].backends) backend.capacity = 1000;
  PlanInputs inputs{.now = TestNow()};
  inputs.new_flows = {{"https", 1900}, {"quic", 0}};
  EXPECT_THAT(Places(Planned(nullptr, config, inputs)), IsEmpty());
  inputs.new_flows = {{"https", 2100}, {"quic", 0}};
  EXPECT_THAT(Places(Planned(nullptr, config, inputs)),
              ElementsAre("error F17 pools.web.backends"));
}

TEST(GuardsTest, OverridesTurnRefusalsIntoNotesUntilTheyExpire) {
  const std::string allow =
      "safety:\n  allow:\n    - {rule: F12, at: pools.web, reason: rack 2 moves, until: "
      "2026-12-01T00:00:00Z}\n";
  const Sample half{.weights = {100, 100}, .end = allow};
  const Sample four{.weights = {100, 100, 100, 100}};
  PlanInputs inputs{.now = TestNow()};
  inputs.validation = {Finding{.rule = "F63",
                               .severity = Severity::kWarning,
                               .path = "safety.allow[0].at",
                               .message = "nothing at pools.web needs the override of F12"}};
  const Plan plan = Planned(four, half, inputs);
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_THAT(Places(plan), Contains("note F12 pools.web"));
  EXPECT_THAT(Places(plan), Not(Contains("warning F63 safety.allow[0].at")));
  inputs.now = TestNow() + absl::Hours(24 * 30);
  EXPECT_EQ(Planned(four, half, inputs).verdict, Verdict::kRefuse);
}

TEST(GuardsTest, OverridesOfTheCommandCountToo) {
  PlanInputs inputs{.now = TestNow()};
  inputs.allow = {Allow{"F12", "pools.web", "rack 2 moves", TestNow() + absl::Hours(1)}};
  EXPECT_EQ(Planned({.weights = {100, 100, 100, 100}}, {.weights = {100, 100}}, inputs).verdict,
            Verdict::kAllow);
}

}  // namespace
}  // namespace evenkeel
