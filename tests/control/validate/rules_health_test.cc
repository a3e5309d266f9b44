#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string WithPoolKey(absl::string_view line) {
  return Sample("    backends:", absl::StrCat("    ", line, "\n    backends:"));
}

std::vector<std::string> HealthPlaces(absl::string_view line) {
  return PlacesIn(WithPoolKey(line));
}

TEST(HealthRulesTest, AcceptACheckOfTheServedPort) {
  EXPECT_THAT(HealthPlaces("health: {tcp: {port: 80}}"), IsEmpty());
  EXPECT_THAT(HealthPlaces("health: {icmp: {}, note: a router}"), IsEmpty());
}

TEST(HealthRulesTest, F14WarnsOfAnotherPortWithoutANote) {
  EXPECT_THAT(HealthPlaces("health: {http: {port: 8080}}"),
              ElementsAre("10:27 warning F14 pools.web.health.http.port"));
  EXPECT_THAT(
      MessagesOf("F14", WithPoolKey("health: {http: {port: 8080}}")),
      ElementsAre("the check asks port 8080, which no service of the pool uses: http (80)"));
  EXPECT_THAT(HealthPlaces("health: {http: {port: 8080}, note: same process}"), IsEmpty());
}

TEST(HealthRulesTest, F15WarnsOfAChecksOwnWay) {
  EXPECT_THAT(HealthPlaces("health: {tcp: {port: 80}, via: direct}"),
              ElementsAre("10:36 warning F15 pools.web.health.via"));
}

TEST(HealthRulesTest, F15WarnsOfWhatADeadServicePasses) {
  EXPECT_THAT(HealthPlaces("health: {icmp: {}}"),
              ElementsAre("10:14 warning F15 pools.web.health.icmp"));
  EXPECT_THAT(HealthPlaces("health: {http: {port: 80, status: 502}}"),
              ElementsAre("10:39 warning F15 pools.web.health.http.status"));
  EXPECT_THAT(HealthPlaces("health: {http: {port: 80, status: 301}}"), IsEmpty());
}

TEST(HealthRulesTest, F14WarnsOfACheckInAnotherProtocol) {
  EXPECT_THAT(MessagesOf("F14", WithPoolKey("health: {udp: {port: 80, send: a, expect: b}}")),
              ElementsAre("the check asks over udp, the services of pool `web` are all tcp"));
}

TEST(HealthRulesTest, F16RefusesChecksThatPileUp) {
  EXPECT_THAT(HealthPlaces("health: {tcp: {port: 80}, interval: 1s, timeout: 1s}"),
              ElementsAre("10:54 error F16 pools.web.health.timeout"));
  EXPECT_THAT(HealthPlaces("health: {tcp: {port: 80}, fall: 1}"),
              ElementsAre("10:37 warning F16 pools.web.health.fall"));
}

TEST(HealthRulesTest, F17WarnsOfAPoolThatStatesNoFloor) {
  EXPECT_THAT(Places(Check(kSample).findings),
              testing::Contains("9:3 warning F17 pools.web.objectives.min_healthy"));
  EXPECT_THAT(MessagesOf("F17", WithPoolKey("objectives: {min_healthy: 50%}")), IsEmpty());
  EXPECT_THAT(MessagesOf("F17", SampleWithWeights({100})), IsEmpty());
}

TEST(HealthRulesTest, F17WarnsOfAPoolWithoutFloor) {
  EXPECT_THAT(HealthPlaces("objectives: {min_healthy: 0%}"),
              ElementsAre("10:31 warning F17 pools.web.objectives.min_healthy"));
}

TEST(HealthRulesTest, F17WarnsOfObjectivesThatContradictEachOther) {
  EXPECT_THAT(HealthPlaces("objectives: {survive_failures: 1}"), IsEmpty());
  EXPECT_THAT(HealthPlaces("objectives: {survive_failures: 2}"),
              ElementsAre("10:36 warning F17 pools.web.objectives.survive_failures"));
  EXPECT_THAT(
      MessagesOf("F17", WithPoolKey("objectives: {survive_failures: 2}")),
      testing::Contains("losing 2 of the heaviest backends leaves 33% of pool `web`, less than "
                        "min_healthy 50%"));
}

}  // namespace
}  // namespace evenkeel
