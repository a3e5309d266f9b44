// The documented example of the public interface, key by key.
#include "control/config/parse.h"
#include "gtest/gtest.h"

namespace evenkeel {
namespace {

constexpr char kExample[] = R"(schema: evenkeel/v1                    # required
cluster:
  name: edge-fra                       # required; a name, nothing is derived from it
  key_file: /etc/evenkeel/cluster.key  # 32 hex digits, mode 0600, the same on all nodes
  owned_prefixes: [203.0.113.0/24, "2001:db8:113::/48"]
network:
  encap_source: {ipv4: 10.0.0.10, ipv6: "fd00::10"}     # or a prefix: the flow varies the rest
  gateway: {ipv4: 10.0.0.1, ipv6: "fd00::1"}            # MAC from the kernel's neighbour table
  mtu: 1600                            # of the segment towards the backends
  client_mtu: 1500
  vlan: none                           # none | 1..4094
pools:
  web:
    forward: ipip                      # ipip | gue | gre | l2dsr
    table: {slots: 65536, fill: exact} # a power of two
    health: {http: {port: 8080, path: /healthz, host: "", status: 200}, interval: 2s, timeout: 1s, rise: 2, fall: 3, via: tunnel}
    objectives: {max_share_error: 1%, min_healthy: 50%, survive_failures: 1}
    idle: 15m
    hold: 30s
    drain: 15m
    slow_start: 0s
    allow_empty: false
    backends:
      web-1: {address: 10.0.1.11, weight: 100, capacity: 20000, host: rack1-a, tags: []}
      web-2: {address: 10.0.1.12, weight: 100}
      web-3: {address: 10.0.1.13, weight: 100, drain: {reason: "kernel upgrade", until: 2027-01-31T12:00:00Z}}
services:
  web-https: {vip: 203.0.113.10, ports: [443], protocol: tcp, pool: web, affinity: flow}
  web-quic:  {vip: 203.0.113.10, ports: [443], protocol: udp, pool: web}
  bulk:      {vip: "2001:db8:113::20", ports: ["8000-8099"], protocol: tcp, pool: web, fragments: drop, tags: []}
safety:
  confirm_within: 5m                   # 30s..1h
  blast_radius: {weight_lost: 34%, slots_moved: 40%, services: 10}
  weight_ratio: 20
  audit_every: 1m
  allow:
    - {rule: F01, at: pools.web.backends.web-1.weight, reason: "twice the cores", until: 2027-03-01T00:00:00Z}
)";

class ExampleTest : public testing::Test {
 protected:
  void SetUp() override {
    ParseResult result = ParseConfig(kExample);
    EXPECT_TRUE(result.findings.empty());
    ASSERT_TRUE(result.config);
    config_ = *std::move(result.config);
  }
  Config config_;
};

TEST_F(ExampleTest, ReadsClusterAndNetwork) {
  EXPECT_EQ(config_.schema, "evenkeel/v1");
  EXPECT_EQ(config_.cluster.name, "edge-fra");
  EXPECT_EQ(config_.cluster.key_file, "/etc/evenkeel/cluster.key");
  ASSERT_EQ(config_.cluster.owned_prefixes.size(), 2u);
  EXPECT_EQ(config_.cluster.owned_prefixes[1].ToString(), "2001:db8:113::/48");
  EXPECT_EQ(config_.network.encap_source.ipv4->ToString(), "10.0.0.10");
  EXPECT_TRUE(config_.network.encap_source.ipv6->is_host());
  EXPECT_EQ(config_.network.gateway.ipv6->ToString(), "fd00::1");
  EXPECT_FALSE(config_.network.gateway_mac.ipv4);
  EXPECT_EQ(config_.network.mtu, 1600u);
  EXPECT_EQ(config_.network.client_mtu, 1500u);
  EXPECT_EQ(config_.network.vlan, 0u);
}

TEST_F(ExampleTest, ReadsThePool) {
  ASSERT_EQ(config_.pools.size(), 1u);
  const Pool& pool = config_.pools[0];
  EXPECT_EQ(pool.name, "web");
  EXPECT_EQ(config_.FindPool("web"), &pool);
  EXPECT_EQ(pool.table, TableShape{});
  EXPECT_EQ(pool.objectives, Objectives{});
  EXPECT_EQ(pool.idle, absl::Minutes(15));
  EXPECT_EQ(pool.hold, absl::Seconds(30));
  EXPECT_EQ(pool.drain, absl::Minutes(15));
  EXPECT_EQ(pool.slow_start, absl::ZeroDuration());
  ASSERT_TRUE(pool.health);
  EXPECT_EQ(*pool.health, (Health{.kind = HealthKind::kHttp, .port = 8080, .path = "/healthz"}));
}

TEST_F(ExampleTest, ReadsTheBackends) {
  const std::vector<Backend>& backends = config_.pools[0].backends;
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(backends[0], (Backend{.name = "web-1",
                                  .address = *IpAddress::Parse("10.0.1.11"),
                                  .weight = 100,
                                  .capacity = 20000,
                                  .host = "rack1-a"}));
  EXPECT_EQ(backends[1].effective_weight(), 100u);
  EXPECT_EQ(backends[2].effective_weight(), 0u);
  EXPECT_EQ(backends[2].weight, 100u);
  EXPECT_EQ(backends[2].drain->reason, "kernel upgrade");
  EXPECT_EQ(backends[2].drain->until,
            absl::FromCivil(absl::CivilHour(2027, 1, 31, 12), absl::UTCTimeZone()));
}

TEST_F(ExampleTest, ReadsTheServices) {
  ASSERT_EQ(config_.services.size(), 3u);
  EXPECT_EQ(config_.services[0].protocol, Protocol::kTcp);
  EXPECT_EQ(config_.services[1].protocol, Protocol::kUdp);
  EXPECT_EQ(config_.services[2].vip.ToString(), "2001:db8:113::20");
  EXPECT_EQ(config_.services[2].ports, (Ports{.ranges = {{8000, 8099}}}));
}

TEST_F(ExampleTest, ReadsSafety) {
  EXPECT_EQ(config_.safety.confirm_within, absl::Minutes(5));
  EXPECT_EQ(config_.safety.blast_radius, BlastRadius{});
  EXPECT_EQ(config_.safety.weight_ratio, 20u);
  EXPECT_EQ(config_.safety.audit_every, absl::Minutes(1));
  ASSERT_EQ(config_.safety.allow.size(), 1u);
  EXPECT_EQ(config_.safety.allow[0].rule, "F01");
  EXPECT_EQ(config_.safety.allow[0].at, "pools.web.backends.web-1.weight");
}

TEST_F(ExampleTest, KnowsWhereEverythingStands) {
  const SourceMap& places = config_.locations;
  EXPECT_EQ(places.Find("pools.web"), (Location{13, 3}));
  EXPECT_EQ(places.Find("pools.web.backends.web-1.weight"), (Location{24, 43}));
  EXPECT_EQ(places.Find("services.bulk.ports[0]"), (Location{30, 48}));
  EXPECT_EQ(places.Find("safety.allow[0].until"), (Location{37, 90}));
  // What is left out is where it would be.
  EXPECT_EQ(places.Find("pools.web.backends.web-2.capacity"),
            places.Find("pools.web.backends.web-2"));
  EXPECT_TRUE(places.Has("pools.web.idle"));
  EXPECT_FALSE(places.Has("pools.web.backends.web-2.capacity"));
}

}  // namespace
}  // namespace evenkeel
