#include "control/plan/plan.h"

#include "control/plan/facts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const Sample kFour{.weights = {100, 100, 100, 100}};

TEST(PlanTest, OfTheSameContentMovesNothingAndAsksForNothing) {
  const Plan plan = Planned(kFour, kFour);
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_THAT(plan.findings, IsEmpty());
  EXPECT_EQ(plan.services_touched, 0u);
  EXPECT_EQ(plan.services[0].moved, 0);
  EXPECT_EQ(plan.evidence.flows, 0u);
  EXPECT_TRUE(plan.connections_known);
}

TEST(PlanTest, TellsSharesBeforeRequestedAndAfterForEachService) {
  const Plan plan = Planned(kFour, {.weights = {100, 100, 100, 200}});
  ASSERT_EQ(plan.services.size(), 2u);
  for (const ServicePlan& service : plan.services) {
    EXPECT_EQ(service.slots, 65536u);
    const BackendPlan& heavier = service.backends[3];
    EXPECT_EQ(heavier.name, "web-4");
    EXPECT_EQ(heavier.before, 0.25);
    EXPECT_EQ(heavier.requested, 0.4);
    EXPECT_NEAR(heavier.after, 0.4, 1.0 / 65536);
    EXPECT_EQ(heavier.change, BackendChange::kWeight);
  }
}

TEST(PlanTest, CountsWhatMovesBeyondTheUnavoidable) {
  const Plan plan = Planned({.weights = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100}},
                            {.weights = {100, 100, 100, 100, 100, 100, 100, 100, 100}});
  EXPECT_NEAR(plan.pools[0].unavoidable, 0.1, 0.0001);
  EXPECT_GE(plan.services[0].moved, 0.1);
  EXPECT_GE(plan.services[0].beyond_unavoidable, 0);
  EXPECT_LT(plan.services[0].beyond_unavoidable, 0.01);
}

TEST(PlanTest, ListsRemovedAndDrainedBackendsWithNoShare) {
  const Config base = Parsed(kFour);
  Config after = base;
  after.pools[0].backends[0].drain = Drain{"upgrade", TestNow() + absl::Hours(1)};
  after.pools[0].backends.pop_back();
  const Plan plan = Planned(&base, after);
  const std::vector<BackendPlan>& backends = plan.services[0].backends;
  ASSERT_EQ(backends.size(), 4u);
  EXPECT_EQ(backends[0].change, BackendChange::kDrained);
  EXPECT_EQ(backends[0].after, 0);
  EXPECT_EQ(backends[3].name, "web-4");
  EXPECT_EQ(backends[3].change, BackendChange::kRemoved);
  EXPECT_EQ(backends[3].before, 0.25);
  ASSERT_EQ(plan.pools[0].drained.size(), 1u);
  EXPECT_EQ(plan.pools[0].drained[0].backend, "web-1");
}

TEST(PlanTest, KnowsBackendsByAddressNotByName) {
  const Config base = Parsed(kFour);
  Config after = base;
  after.pools[0].backends[2].name = "renamed";
  const Plan plan = Planned(&base, after);
  EXPECT_EQ(plan.services[0].moved, 0);
  EXPECT_EQ(plan.services[0].backends[2].change, BackendChange::kSame);
  EXPECT_EQ(plan.services[0].backends.size(), 4u);
}

TEST(PlanTest, OfAFirstRevisionHasNoBlastRadius) {
  const Plan plan = Planned(nullptr, Parsed(kFour));
  EXPECT_EQ(plan.verdict, Verdict::kAllow);
  EXPECT_THAT(Places(plan), IsEmpty());
  EXPECT_TRUE(plan.services[0].is_new);
  EXPECT_EQ(plan.services[0].backends[0].before, 0);
  EXPECT_EQ(plan.services[0].backends[0].after, 0.25);
  EXPECT_GT(plan.evidence.flows, 0u);
}

TEST(PlanTest, ConnectionsAtRiskAreRateTimesIdleTimesWhatMoves) {
  PlanInputs inputs;
  inputs.new_flows = {{"https", 1000}, {"quic", 0}};
  const Plan plan = Planned(kFour, {.weights = {100, 100, 100}}, inputs);
  const double moved = plan.services[0].moved;
  EXPECT_GE(moved, 0.25);
  EXPECT_TRUE(plan.connections_known);
  EXPECT_NEAR(static_cast<double>(plan.connections_at_risk), 1000 * 900 * moved, 1);
}

TEST(PlanTest, EveryFlowOfAServiceThatGetsAnotherNumberOfSlotsIsFollowed) {
  PlanInputs inputs;
  inputs.new_flows = {{"https", 1000}, {"quic", 0}};
  inputs.flow_table_entries = 4'000'000;
  const Plan heavier = Planned(kFour, {.weights = {100, 100, 100, 101}}, inputs);
  EXPECT_EQ(heavier.flows_followed, 2 * heavier.connections_at_risk);
  const Plan more_slots = Planned(
      kFour, {.weights = {100, 100, 100, 100}, .more = "    table: {slots: 131072}\n"}, inputs);
  EXPECT_EQ(more_slots.flows_followed, 2u * 1000 * 900);
  EXPECT_LE(more_slots.connections_at_risk, 1000u * 900);
  inputs.flow_table_entries = 2'000'000;
  EXPECT_THAT(Places(Planned(
                  kFour, {.weights = {100, 100, 100, 100}, .more = "    table: {slots: 131072}\n"},
                  inputs)),
              testing::Contains("warning F35 pools"));
}

TEST(PlanTest, ConnectionsAtRiskAreNotKnownWithoutRates) {
  const Plan plan = Planned(kFour, {.weights = {100, 100, 100}});
  EXPECT_FALSE(plan.connections_known);
  EXPECT_EQ(plan.connections_at_risk, 0u);
}

TEST(PlanTest, EvidenceIsThreeTimesWhatTheWatchNeedsOfTheSmallestBackend) {
  PlanInputs inputs;
  inputs.new_flows = {{"https", 3}, {"quic", 1}};
  const Plan plan = Planned(kFour, {.weights = {100, 100, 100, 200}}, inputs);
  // The smallest has a fifth: 3 * 73 / (1/5) flows, a few more for the rounding of its slots.
  EXPECT_NEAR(static_cast<double>(plan.evidence.flows), 1095, 2);
  ASSERT_TRUE(plan.evidence.seconds);
  EXPECT_NEAR(*plan.evidence.seconds, 1095.0 / 4, 1);
  inputs.new_flows = {{"https", 1e6}, {"quic", 1}};
  EXPECT_EQ(Planned(kFour, {.weights = {100, 100, 100, 200}}, inputs).evidence.seconds, 60);
}

TEST(PlanTest, DigestDependsOnBothContentsAndNotOnOrderTimeOrRates) {
  const Config base = Parsed(kFour);
  const Config after = Parsed(Sample{.weights = {100, 100, 100, 90}});
  const Digest digest = Planned(&base, after).digest;
  Config shuffled = after;
  std::swap(shuffled.pools[0].backends[0], shuffled.pools[0].backends[3]);
  std::swap(shuffled.services[0], shuffled.services[1]);
  PlanInputs later{.now = TestNow() + absl::Hours(9)};
  later.new_flows = {{"https", 5}};
  EXPECT_EQ(Planned(&base, shuffled, later).digest, digest);
  EXPECT_NE(Planned(&after, after).digest, digest);
  EXPECT_NE(Planned(nullptr, after).digest, digest);
  Config other = after;
  other.services[0].affinity = Affinity::kClient;
  EXPECT_NE(Planned(&base, other).digest, digest);
}

TEST(PlanTest, ComparesTablesOfDifferentSizesOverTheHashSpace) {
  const Sample larger{.weights = kFour.weights, .more = "    table: {slots: 131072}\n"};
  const Plan plan = Planned(kFour, larger);
  EXPECT_GT(plan.services[0].moved, 0.7);
  EXPECT_THAT(Places(plan), Contains("error F12 pools.web.table.slots"));
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
}

TEST(PlanTest, SumsSharesOfTheBackendsOfAHost) {
  Config config = Parsed(kFour);
  config.pools[0].backends[0].host = config.pools[0].backends[1].host = "rack1-a";
  const Plan plan = Planned(nullptr, config);
  ASSERT_EQ(plan.pools[0].hosts.size(), 1u);
  EXPECT_EQ(plan.pools[0].hosts[0].share, 0.5);
}

TEST(PlanTest, CarriesTheFindingsOfValidation) {
  const Config config = Parsed(kFour);
  PlanInputs inputs{.now = TestNow()};
  inputs.validation = {Finding{.rule = "F06", .path = "pools.web"}};
  const Plan plan = Planned(&config, config, inputs);
  EXPECT_EQ(plan.verdict, Verdict::kRefuse);
  EXPECT_THAT(Places(plan), ElementsAre("error F06 pools.web"));
}

TEST(FactsTest, NameEveryValueByItsPath) {
  const Facts facts = FactsOf(Parsed(kFour));
  EXPECT_EQ(facts.at("pools.web.backends.web-1.weight"), "100");
  EXPECT_EQ(facts.at("services.https.ports"), "443-443");
  EXPECT_EQ(facts.at("safety.blast_radius.weight_lost"), "34");
  EXPECT_THAT(facts, Not(Contains(testing::Key("pools.web.health.kind"))));
}

}  // namespace
}  // namespace evenkeel
