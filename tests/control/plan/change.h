// A running configuration and its change, for tests of plan: begin with a valid one, alter one
// thing.
#ifndef TESTS_CONTROL_PLAN_CHANGE_H_
#define TESTS_CONTROL_PLAN_CHANGE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "control/plan/plan.h"

namespace evenkeel {

inline absl::Time TestNow() {
  return absl::FromCivil(absl::CivilDay(2026, 11, 22), absl::UTCTimeZone());
}

// A pool `web` of backends web-1, web-2, ... with these weights, and the services https (tcp 443)
// and quic (udp 443). `more` goes below the pool, `end` to the end of the file.
struct Sample {
  std::vector<int> weights;
  std::string more = "";
  std::string end = "";

  std::string Text() const {
    std::string backends;
    for (size_t i = 0; i < weights.size(); ++i) {
      absl::StrAppend(&backends, "      web-", i + 1, ": {address: 10.0.", 1 + i / 250, ".",
                      1 + i % 250, ", weight: ", weights[i], "}\n");
    }
    return absl::StrCat(R"(schema: evenkeel/v1
cluster: {name: edge, owned_prefixes: [203.0.113.0/24]}
network: {encap_source: {ipv4: 10.9.0.10}, gateway: {ipv4: 10.9.0.1}}
services:
  https: {vip: 203.0.113.10, ports: [443], protocol: tcp, pool: web}
  quic: {vip: 203.0.113.10, ports: [443], protocol: udp, pool: web}
pools:
  web:
)",
                        more, weights.empty() ? "    backends: {}\n" : "    backends:\n", backends,
                        end);
  }
};

inline Config Parsed(const std::string& text) {
  ParseResult result = ParseConfig(text);
  for (const Finding& finding : result.findings) {
    ADD_FAILURE() << finding.line << ": " << finding.message << "\n" << text;
  }
  return result.config ? *std::move(result.config) : Config();
}
inline Config Parsed(const Sample& sample) { return Parsed(sample.Text()); }

inline Plan Planned(const Config* base, const Config& candidate, PlanInputs inputs = {}) {
  if (inputs.now == absl::UnixEpoch()) inputs.now = TestNow();
  absl::StatusOr<Plan> plan = MakePlan(base, candidate, inputs);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : Plan();
}
inline Plan Planned(const Sample& base, const Sample& candidate, PlanInputs inputs = {}) {
  const Config before = Parsed(base);
  return Planned(&before, Parsed(candidate), std::move(inputs));
}

// "error F12 pools.web"
inline std::vector<std::string> Places(const Plan& plan) {
  std::vector<std::string> places;
  for (const Finding& finding : plan.findings) {
    places.push_back(
        absl::StrCat(SeverityName(finding.severity), " ", finding.rule, " ", finding.path));
  }
  return places;
}

}  // namespace evenkeel

#endif  // TESTS_CONTROL_PLAN_CHANGE_H_
