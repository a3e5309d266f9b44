// The lab's default configuration: valid, and told nothing but what is true of it. The floor and
// the slow start that it doesn't state (F17, F18) are left out here.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

std::string LabConfig(int backends) {
  std::string text = R"(schema: evenkeel/v1
cluster: {name: lab, owned_prefixes: [203.0.113.0/24, "2001:db8:113::/48"]}
network:
  encap_source: {ipv4: 10.0.0.10, ipv6: "fd00::10"}
  gateway: {ipv4: 10.0.0.1, ipv6: "fd00::1"}
  mtu: 1600
pools:
)";
  for (absl::string_view pool : {"web4", "web6"}) {
    absl::StrAppend(&text, "  ", pool, ":\n    backends:\n");
    for (int i = 1; i <= backends; ++i) {
      const std::string address =
          pool == "web4" ? absl::StrCat("10.0.1.", 10 + i) : absl::StrCat("\"fd00::1:", i, "\"");
      absl::StrAppend(&text, "      b", i, ": {address: ", address, ", weight: 100}\n");
    }
  }
  return text + R"(services:
  http4: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web4}
  http6: {vip: "2001:db8:113::10", ports: [80], protocol: tcp, pool: web6}
  range4: {vip: 203.0.113.10, ports: ["8000-8099"], protocol: tcp, pool: web4}
  range6: {vip: "2001:db8:113::10", ports: ["8000-8099"], protocol: tcp, pool: web6}
  dns4: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: web4}
  dns6: {vip: "2001:db8:113::10", ports: [53], protocol: udp, pool: web6}
)";
}

TEST(LabTest, DefaultConfigurationIsValidAndQuiet) {
  for (int backends : {1, 2, 4, 200}) {
    EXPECT_THAT(PlacesIn(LabConfig(backends)),
                testing::ElementsAre("4:24 warning F46 network.encap_source.ipv4",
                                     "4:41 warning F46 network.encap_source.ipv6"));
    EXPECT_TRUE(Check(LabConfig(backends)).config);
  }
}

}  // namespace
}  // namespace evenkeel
