#include "control/health/probe_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evenkeel {
namespace {

using testing::HasSubstr;

Config TwoBackends() {
  Config config;
  Pool pool;
  pool.name = "web";
  pool.health.emplace();
  pool.health->kind = HealthKind::kHttp;
  pool.health->port = 8080;
  pool.backends = {{.name = "b1", .address = *IpAddress::Parse("10.0.1.11"), .weight = 1},
                   {.name = "b2", .address = *IpAddress::Parse("10.0.1.12"), .weight = 1}};
  Pool unchecked = pool;
  unchecked.name = "unchecked";
  unchecked.health.reset();
  config.pools = {unchecked, pool};
  config.locations.Add("pools.web.health.http.port", {.line = 7, .column = 9});
  config.locations.Add("pools.web.backends.b2", {.line = 12, .column = 7});
  return config;
}

std::vector<Finding> Found(ProbeFinding first, ProbeFinding second) {
  const Config config = TwoBackends();
  const std::vector<HealthTarget> targets = HealthTargetsOf(config);
  return ProbeFindings(config, {{targets[0], first, "why one"}, {targets[1], second, "why two"}});
}

TEST(ProbeFindingsTest, NothingWhereAllPass) {
  EXPECT_TRUE(Found(ProbeFinding::kPasses, ProbeFinding::kPasses).empty());
}

TEST(ProbeFindingsTest, AWholePoolThatFailsIsAnErrorAtTheCheck) {
  const std::vector<Finding> found = Found(ProbeFinding::kWrongAnswer, ProbeFinding::kWrongAnswer);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "F14");
  EXPECT_EQ(found[0].severity, Severity::kError);
  EXPECT_EQ(found[0].path, "pools.web.health.http.port");
  EXPECT_EQ(found[0].line, 7);
  EXPECT_THAT(found[0].message, HasSubstr("no backend of the pool passes its check now: b1"));
  EXPECT_THAT(found[0].message, HasSubstr("(why one)"));
}

TEST(ProbeFindingsTest, ABackendThatFailsAloneIsAWarningAtTheBackend) {
  const std::pair<ProbeFinding, const char*> kinds[] = {{ProbeFinding::kWrongAnswer, "F14"},
                                                        {ProbeFinding::kNoVip, "F41"},
                                                        {ProbeFinding::kNoTunnel, "F40"},
                                                        {ProbeFinding::kSilent, "F17"}};
  for (const auto& [finding, rule] : kinds) {
    const std::vector<Finding> found = Found(ProbeFinding::kPasses, finding);
    ASSERT_EQ(found.size(), 1u) << rule;
    EXPECT_EQ(found[0].rule, rule);
    EXPECT_EQ(found[0].severity, Severity::kWarning) << rule;
    EXPECT_EQ(found[0].path, "pools.web.backends.b2") << rule;
    EXPECT_EQ(found[0].line, 12) << rule;
    EXPECT_THAT(found[0].message, HasSubstr("(why two)")) << rule;
    EXPECT_FALSE(found[0].hint.empty()) << rule;
  }
}

TEST(ProbeFindingsTest, WhatCouldNotBeAskedRefusesNothing) {
  const std::vector<Finding> found = Found(ProbeFinding::kNotChecked, ProbeFinding::kNotChecked);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, Severity::kWarning);
}

}  // namespace
}  // namespace evenkeel
