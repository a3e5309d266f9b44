#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NetworkRulesTest, F26RefusesAddressesWithinAVip) {
  EXPECT_THAT(PlacesIn(Sample("10.0.1.12", "203.0.113.10")),
              ElementsAre("12:21 error F26 pools.web.backends.b2.address"));
  EXPECT_THAT(PlacesIn(Sample("gateway: {ipv4: 10.0.0.1}", "gateway: {ipv4: 203.0.113.10}")),
              ElementsAre("7:19 error F26 network.gateway.ipv4"));
  EXPECT_THAT(PlacesIn(Sample("10.9.0.0/24", "203.0.113.0/28")),
              ElementsAre("6:24 error F26 network.encap_source.ipv4"));
  const std::string wide = Sample("vip: 203.0.113.10", "vip: 203.0.113.0/28");
  EXPECT_THAT(PlacesIn(Replace(wide, "10.0.1.12", "203.0.113.7")),
              ElementsAre("12:21 error F26 pools.web.backends.b2.address"));
}

TEST(NetworkRulesTest, F26TellsBalancerGatewayAndBackendsApart) {
  EXPECT_THAT(PlacesIn(Sample("10.0.1.12", "10.0.0.1")),
              ElementsAre("12:21 error F26 pools.web.backends.b2.address"));
  EXPECT_THAT(PlacesIn(Sample("10.9.0.0/24", "10.0.1.12")),
              ElementsAre("6:24 warning F46 network.encap_source.ipv4",
                          "12:21 error F26 pools.web.backends.b2.address"));
  EXPECT_THAT(PlacesIn(Sample("10.9.0.0/24", "10.0.0.1")),
              ElementsAre("6:24 warning F46 network.encap_source.ipv4",
                          "7:19 error F26 network.gateway.ipv4"));
  EXPECT_THAT(PlacesIn(Replace(Sample("10.9.0.0/24", "10.0.1.0/29"), "10.0.1.12", "10.0.1.2")),
              ElementsAre("12:21 warning F26 pools.web.backends.b2.address"));
}

TEST(NetworkRulesTest, F28WantsSourceAndGatewayOfEachFamily) {
  const std::string ipv6 = Sample("10.0.1.12", "\"fd00::1:2\"");
  EXPECT_THAT(PlacesIn(ipv6),
              ElementsAre("6:3 error F28 network.encap_source", "7:3 error F28 network.gateway"));
  EXPECT_THAT(PlacesIn(Replace(
                  ipv6, "  gateway: {ipv4: 10.0.0.1}",
                  "  gateway: {ipv4: 10.0.0.1}\n  gateway_mac: {ipv6: \"02:00:00:00:00:01\"}")),
              ElementsAre("6:3 error F28 network.encap_source",
                          "8:23 warning F44 network.gateway_mac.ipv6"));
  EXPECT_THAT(
      PlacesIn("schema: evenkeel/v1\ncluster: {name: a, owned_prefixes: [1.2.3.0/24]}\npools: {p: "
               "{backends: {b: {address: 10.0.0.1, weight: 1}}}}\n"
               "services: {s: {vip: 1.2.3.4, ports: any, protocol: tcp, pool: p}}"),
      ElementsAre("1:1 error F28 network.encap_source", "1:1 error F28 network.gateway"));
}

TEST(NetworkRulesTest, F28NeedsNeitherForLayer2) {
  const std::string text = Replace(Sample("    backends:", "    forward: l2dsr\n    backends:"),
                                   "network:\n  encap_source: {ipv4: 10.9.0.0/24}\n"
                                   "  gateway: {ipv4: 10.0.0.1}\n",
                                   "");
  EXPECT_THAT(PlacesIn(text), IsEmpty());
  EXPECT_THAT(PlacesIn(Replace(text, "10.0.1.12", "\"fd00::1:2\"")),
              ElementsAre("13:63 warning F28 services.http.pool"));
}

TEST(NetworkRulesTest, F39ComparesTheOuterHeaderWithTheMtu) {
  const auto with_mtu = [](absl::string_view mtu) {
    return Sample("  gateway:", absl::StrCat("  mtu: ", mtu, "\n  gateway:"));
  };
  EXPECT_THAT(PlacesIn(with_mtu("1520")), IsEmpty());
  EXPECT_THAT(PlacesIn(with_mtu("1519")), ElementsAre("7:8 error F39 network.mtu"));
  EXPECT_THAT(
      MessagesOf("F39", with_mtu("1500")),
      ElementsAre("packets of client_mtu 1500 to pool `web` (ipip) take 1520 bytes, the mtu "
                  "towards the backends is 1500"));
  EXPECT_THAT(PlacesIn(Replace(with_mtu("1500"), "  gateway:", "  client_mtu: 1480\n  gateway:")),
              IsEmpty());
  EXPECT_THAT(
      PlacesIn(Replace(with_mtu("1500"), "    backends:", "    forward: l2dsr\n    backends:")),
      IsEmpty());
}

TEST(NetworkRulesTest, F46WarnsOfAFixedOuterSource) {
  EXPECT_THAT(PlacesIn(Sample("10.9.0.0/24", "10.0.0.10")),
              ElementsAre("6:24 warning F46 network.encap_source.ipv4"));
}

}  // namespace
}  // namespace evenkeel
