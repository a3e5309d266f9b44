#include "control/health/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace evenkeel {
namespace {

IpAddress ParseAddress(absl::string_view text) { return *IpAddress::Parse(text); }

Service Serving(absl::string_view vip, Ports ports, Protocol protocol = Protocol::kTcp) {
  Service service;
  service.name = std::string(vip);
  service.vip = *IpPrefix::Parse(vip);
  service.ports = std::move(ports);
  service.protocol = protocol;
  service.pool = "web";
  return service;
}

Config OnePool(HealthKind kind, uint32_t port) {
  Config config;
  Pool pool;
  pool.name = "web";
  pool.health.emplace();
  pool.health->kind = kind;
  pool.health->port = port;
  pool.backends = {{.name = "b1", .address = ParseAddress("10.0.1.11"), .weight = 1},
                   {.name = "b2", .address = ParseAddress("10.0.1.12"), .weight = 1}};
  config.pools = {pool};
  config.services = {Serving("203.0.113.10", {.ranges = {{443, 443}}}),
                     Serving("203.0.113.16/28", {.any = true}),
                     Serving("203.0.113.9", {.ranges = {{8000, 8099}}})};
  return config;
}

TEST(HealthTargetsTest, OneForEachBackendOfAPoolWithHealth) {
  Config config = OnePool(HealthKind::kTcp, 443);
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "unchecked";
  config.pools[1].health.reset();
  const std::vector<HealthTarget> targets = HealthTargetsOf(config);
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[1].backend, "b2");
  EXPECT_EQ(targets[1].address, ParseAddress("10.0.1.12"));
  EXPECT_EQ(targets[1].path_port, 443);
}

TEST(HealthTargetsTest, ChecksTheVipsThatServeThePort) {
  EXPECT_THAT(HealthTargetsOf(OnePool(HealthKind::kTcp, 443))[0].vips,
              testing::ElementsAre(ParseAddress("203.0.113.10"), ParseAddress("203.0.113.16")));
  EXPECT_THAT(HealthTargetsOf(OnePool(HealthKind::kTcp, 9000))[0].vips,
              testing::ElementsAre(ParseAddress("203.0.113.16")));
}

TEST(HealthTargetsTest, ChecksEveryVipWhereNoneServesThePort) {
  Config config = OnePool(HealthKind::kHttp, 9999);
  config.services.erase(config.services.begin() + 1);
  EXPECT_THAT(HealthTargetsOf(config)[0].vips,
              testing::ElementsAre(ParseAddress("203.0.113.9"), ParseAddress("203.0.113.10")));
}

TEST(HealthTargetsTest, AnIcmpCheckTriesThePathAtTheLowestTcpPort) {
  const HealthTarget target = HealthTargetsOf(OnePool(HealthKind::kIcmp, 0))[0];
  EXPECT_EQ(target.path_port, 443);
  EXPECT_EQ(target.vips.size(), 3u);
}

TEST(HealthTargetsTest, ANameIsNotPartOfWhatATargetIs) {
  const HealthTarget target = HealthTargetsOf(OnePool(HealthKind::kTcp, 443))[0];
  HealthTarget other = target;
  other.backend = "renamed";
  EXPECT_EQ(target, other);
  other.check.port = 444;
  EXPECT_FALSE(target == other);
}

}  // namespace
}  // namespace evenkeel
