#include "control/change/healthy_states.h"

#include <gtest/gtest.h>

#include "control/config/parse.h"

namespace evenkeel {
namespace {

Config Site(const std::string& pool, const std::string& service, int backends) {
  std::string text =
      "schema: evenkeel/v1\ncluster: {name: edge}\nservices:\n  " + service +
      ": {vip: 203.0.113.10, ports: [80, \"8000-8099\"], protocol: tcp, pool: " + pool +
      "}\n  dns: {vip: \"2001:db8::53\", ports: any, protocol: udp, pool: " + pool +
      "}\npools:\n  " + pool + ":\n    backends:\n";
  for (int i = 1; i <= backends; ++i) {
    text += "      b" + std::to_string(i) + ": {address: 10.0.1." + std::to_string(i) +
            ", weight: 100}\n";
  }
  ParseResult parsed = ParseConfig(text);
  EXPECT_TRUE(parsed.config) << text;
  return parsed.config ? *std::move(parsed.config) : Config();
}

double LossSince(const Config& before, const Config& now) {
  return HistoryOf({HealthyText(before)}).WorstLoss(now, now.pools.at(0));
}

TEST(HealthyStatesTest, KeepWhatThePoolHad) {
  const Config now = Site("web", "http", 3);
  EXPECT_DOUBLE_EQ(LossSince(Site("web", "http", 4), now), 0.25);
  EXPECT_DOUBLE_EQ(LossSince(Site("web", "http", 3), now), 0);
}

TEST(HealthyStatesTest, KnowAPoolByItsServicesAndAServiceByItsMatch) {
  const Config now = Site("www", "http", 2);
  EXPECT_DOUBLE_EQ(LossSince(Site("web", "http", 4), now), 0.5);
  EXPECT_DOUBLE_EQ(LossSince(Site("web", "https", 4), now), 0.5);
}

TEST(HealthyStatesTest, LeaveOutWhatCannotBeRead) {
  const Config now = Site("web", "http", 2);
  EXPECT_DOUBLE_EQ(HistoryOf({"web\n 10.0.1.1 x\n\thttp nowhere\n nonsense\n", "\t\n", ""})
                       .WorstLoss(now, now.pools[0]),
                   0);
}

}  // namespace
}  // namespace evenkeel
