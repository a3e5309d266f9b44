// Faults that the file cannot bring about because of how things are built (rules_construction.cc):
// one test each. Four hold in the pipeline and are shown in tests/control/app/pipeline_test.cc: F32
// (RefusesAnotherKey), F55 (KeepsTheFormerRevisionWhenThePlaneRefuses), F56
// (RefusesABaseThatHasMoved) and F59 (AdoptsWhatThePlaneRunsAfterARestart).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "control/config/parse.h"
#include "control/plan/plan.h"
#include "control/validate/rule.h"
#include "control/validate/validate.h"
#include "tests/packets/builder.h"
#include "tools/evenkeel/offline_core.h"

namespace evenkeel {
namespace {

using packets::Bytes;
using packets::Ethernet;
using packets::Icmp;
using packets::Ip;
using packets::ParseAddress;
using packets::Tcp;

constexpr char kHead[] = R"(schema: evenkeel/v1
cluster: {name: NAME, owned_prefixes: [203.0.113.0/24]}
network: {encap_source: {ipv4: 10.9.0.0/24}, gateway: {ipv4: 10.254.0.1}}
services:
  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web}
pools:
  web:
    backends:
)";

// Backends 10.0.0.1, 10.0.0.2, ... of weight 100, in the order of `numbers`.
std::string TextOf(const std::vector<int>& numbers, const std::string& cluster = "edge",
                   const std::string& names = "b") {
  std::string text = kHead;
  text.replace(text.find("NAME"), 4, cluster);
  for (int i : numbers) {
    text += "      " + names + std::to_string(i) + ": {address: 10.0.0." + std::to_string(i) +
            ", weight: 100}\n";
  }
  return text;
}

Config ConfigOf(const std::string& text) {
  ParseResult parsed = ParseConfig(text);
  EXPECT_TRUE(parsed.config) << text;
  return parsed.config ? *std::move(parsed.config) : Config();
}

std::string DigestOf(const std::string& text) {
  const absl::StatusOr<Plan> plan =
      MakePlan(nullptr, ConfigOf(text), {.now = absl::FromUnixSeconds(1'800'000'000)});
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? HexDigest(plan->pools.at(0).digest) : "";
}

bool Accepts(const std::string& text) { return CheckConfig(text, {}).config.has_value(); }

std::unique_ptr<cli::OfflineCore> CoreOf(const Config& config) {
  ClusterKey key;
  for (size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<uint8_t>(17 * i + 3);
  auto core = cli::OfflineCore::Make(config, key);
  EXPECT_TRUE(core.ok()) << core.status();
  return core.ok() ? *std::move(core) : nullptr;
}

// From 198.51.x.y, chosen by `host`.
Bytes Packet(uint32_t host, uint16_t port, uint8_t flags) {
  const auto client =
      ParseAddress("198.51." + std::to_string(host >> 8 & 255) + "." + std::to_string(host & 255));
  const auto vip = ParseAddress("203.0.113.10");
  return Ethernet({}, Ip({.source = client, .destination = vip}, Tcp({.source = client,
                                                                      .destination = vip,
                                                                      .source_port = port,
                                                                      .destination_port = 80,
                                                                      .flags = flags})));
}

cli::Fate Judge(const cli::OfflineCore& core, const Bytes& frame) {
  lb_flow flow{};
  return core.Judge(frame.data(), frame.data() + frame.size(), &flow);
}

// The CRC-32 that many routers take for ECMP, over what distinguishes these flows.
uint32_t RouterHash(uint32_t host, uint16_t port) {
  uint32_t crc = ~0u;
  for (uint32_t byte : {host >> 8 & 255, host & 255, uint32_t{port} >> 8, port & 255u}) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

TEST(ConstructionTest, F08_F20_NodesWithTheSameBackendsHaveTheSameTable) {
  const std::string digest = DigestOf(TextOf({1, 2, 3, 4, 5}));
  EXPECT_EQ(DigestOf(TextOf({5, 3, 1, 4, 2})), digest);
  EXPECT_EQ(DigestOf(TextOf({2, 1, 5, 4, 3}, "edge", "host-")), digest);
  EXPECT_NE(DigestOf(TextOf({1, 2, 3, 4})), digest);
}

TEST(ConstructionTest, F22_OneFileIsTheWholeConfiguration) {
  const std::string text = TextOf({1, 2, 3});
  EXPECT_TRUE(Accepts(text));
  EXPECT_FALSE(Accepts(text + "---\n" + text));
  EXPECT_FALSE(Accepts(text + "include: other.yaml\n"));
}

TEST(ConstructionTest, F33_NoSeedCanDiffer) {
  // The digest is written down: the fill's seed is a constant of the product.
  const std::string golden = "86cf834ae464414fb6ad98c914876d8cd9f30b0383fd6296f249f5258115e4cf";
  EXPECT_EQ(DigestOf(TextOf({1, 2, 3}, "edge-fra")), golden);
  EXPECT_EQ(DigestOf(TextOf({1, 2, 3}, "edge-muc")), golden);
  for (const char* key : {"seed", "hash", "hash_seed", "key"}) {
    std::string text = TextOf({1, 2, 3});
    text.replace(text.find("cluster: {"), 10, std::string("cluster: {") + key + ": 42, ");
    EXPECT_FALSE(Accepts(text)) << key;
  }
}

TEST(ConstructionTest, F34_ARouterThatHashesFirstLeavesTheSharesEven) {
  const auto core = CoreOf(ConfigOf(TextOf({1, 2, 3, 4, 5, 6, 7, 8})));
  ASSERT_NE(core, nullptr);
  std::map<uint64_t, int> flows;
  int seen = 0;
  for (uint32_t host = 0; seen < 16000; ++host) {
    const auto port = static_cast<uint16_t>(32768 + host % 7919);
    if (RouterHash(host, port) % 8 != 5) continue;  // goes to another balancer
    ++flows[Judge(*core, Packet(host & 0xffff, port, packets::kTcpSyn)).backend_id];
    ++seen;
  }
  ASSERT_EQ(flows.size(), 8u);
  // Chi-square of seven degrees of freedom: beyond 35 once in 100,000; a linear hash is at 100,000.
  double chi_square = 0;
  for (const auto& [backend, count] : flows)
    chi_square += (count - 2000.0) * (count - 2000.0) / 2000;
  EXPECT_LT(chi_square, 35);
}

TEST(ConstructionTest, F37_AFloodOfSynsLeavesNothingBehind) {
  const auto core = CoreOf(ConfigOf(TextOf({1, 2, 3, 4, 5, 6, 7, 8})));
  ASSERT_NE(core, nullptr);
  const Bytes established = Packet(7, 40000, packets::kTcpAck);
  const uint64_t owner = Judge(*core, established).backend_id;
  EXPECT_EQ(Judge(*core, Packet(7, 40000, packets::kTcpSyn)).backend_id, owner);
  std::mt19937 random(20261101);
  for (int i = 0; i < 50000; ++i) {
    const Bytes syn = Packet(random() & 0xffff, static_cast<uint16_t>(random()), packets::kTcpSyn);
    ASSERT_EQ(Judge(*core, syn).verdict, LB_FORWARD);
  }
  EXPECT_EQ(Judge(*core, established).backend_id, owner);
}

TEST(ConstructionTest, F42_NoModeTranslatesAddresses) {
  for (const char* mode : {"nat", "masquerade", "snat", "full-nat", "proxy"}) {
    std::string text = TextOf({1, 2, 3});
    text.replace(text.find("    backends:"), 0, std::string("    forward: ") + mode + "\n");
    EXPECT_FALSE(Accepts(text)) << mode;
  }
}

TEST(ConstructionTest, F47_AnIcmpErrorReachesTheBackendOfItsFlow) {
  const auto core = CoreOf(ConfigOf(TextOf({1, 2, 3, 4, 5, 6, 7, 8})));
  ASSERT_NE(core, nullptr);
  const auto router = ParseAddress("192.0.2.1"), vip = ParseAddress("203.0.113.10");
  for (uint32_t host = 1; host < 200; ++host) {
    const auto client = ParseAddress("198.51.0." + std::to_string(host));
    // What the backend sent to the client, and a router on the way could not carry.
    const Bytes answer =
        Ip({.source = vip, .destination = client}, Tcp({.source = vip,
                                                        .destination = client,
                                                        .source_port = 80,
                                                        .destination_port = 40000,
                                                        .flags = packets::kTcpAck}));
    const Bytes error =
        Ethernet({}, Ip({.source = router, .destination = vip, .protocol = packets::kIcmp},
                        Icmp({.source = router,
                              .destination = vip,
                              .type = 3,
                              .code = 4,
                              .rest = 1400,
                              .body = Bytes(answer.begin(), answer.begin() + 28)})));
    const cli::Fate fate = Judge(*core, error);
    EXPECT_EQ(fate.verdict, LB_FORWARD);
    EXPECT_EQ(fate.backend_id, Judge(*core, Packet(host, 40000, packets::kTcpAck)).backend_id);
  }
}

TEST(ConstructionTest, EveryFaultOfTheCatalogueIsExplained) {
  for (int i = 1; i <= 63; ++i) {
    char id[4];
    snprintf(id, sizeof(id), "F%02d", i);
    const Rule* const rule = FindRule(id);
    ASSERT_NE(rule, nullptr) << id;
    const bool checked = rule->stage == Rule::Stage::kValidate || rule->stage == Rule::Stage::kPlan;
    EXPECT_TRUE(checked || rule->check == nullptr) << id;
    EXPECT_TRUE(checked || rule->allow == Rule::Override::kRefused) << id;
  }
}

}  // namespace
}  // namespace evenkeel
