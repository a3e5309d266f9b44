#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The sample with one more IPv4 service, in line 16.
std::string AndService(absl::string_view vip, absl::string_view ports,
                       absl::string_view protocol = "tcp") {
  return SampleAnd(absl::StrCat("  more: {vip: ", vip, ", ports: ", ports, ", protocol: ", protocol,
                                ", pool: web, tags: [ipv4-only]}\n"));
}

TEST(ServiceRulesTest, AcceptServicesThatDoNotMeet) {
  EXPECT_THAT(PlacesIn(AndService("203.0.113.10", "[443]")), IsEmpty());
  EXPECT_THAT(PlacesIn(AndService("203.0.113.10", "[80]", "udp")), IsEmpty());
  EXPECT_THAT(PlacesIn(AndService("203.0.113.11", "any")), IsEmpty());
}

TEST(ServiceRulesTest, F21RefusesTwoClaimsOfOneRank) {
  EXPECT_THAT(PlacesIn(AndService("203.0.113.10", "[79, 80]")),
              ElementsAre("16:41 error F21 services.more.ports[1]"));
  EXPECT_THAT(
      MessagesOf("F21", AndService("203.0.113.10", "[79, 80]")),
      ElementsAre("`more` and `http` (line 15) both claim port 80/tcp of 203.0.113.10, at the "
                  "same rank"));
  const std::string range = Sample("[80]", "[\"80-90\"]");
  EXPECT_THAT(PlacesIn(absl::StrCat(range,
                                    "  b: {vip: 203.0.113.10, ports: [\"90-91\"], protocol: tcp, "
                                    "pool: web, tags: [ipv4-only]}\n")),
              ElementsAre("16:34 error F21 services.b.ports[0]"));
  const std::string any = Sample("[80]", "any");
  EXPECT_THAT(PlacesIn(absl::StrCat(any,
                                    "  b: {vip: 203.0.113.10/32, ports: any, protocol: tcp, "
                                    "pool: web, tags: [ipv4-only]}\n")),
              ElementsAre("16:36 error F21 services.b.ports"));
}

TEST(ServiceRulesTest, F21WarnsTheServiceThatIsShadowed) {
  EXPECT_THAT(PlacesIn(AndService("203.0.113.10", "[\"70-90\"]")),
              ElementsAre("16:29 warning F21 services.more.ports"));
  EXPECT_THAT(PlacesIn(AndService("203.0.113.0/24", "any")),
              ElementsAre("16:38 warning F21 services.more.ports"));
  EXPECT_THAT(MessagesOf("F21", AndService("203.0.113.0/24", "any")),
              ElementsAre("`more` does not get port 80 of 203.0.113.10: `http` is more specific"));
}

TEST(ServiceRulesTest, F21WarnsOfAPortThatIsListedTwice) {
  EXPECT_THAT(PlacesIn(Sample("[80]", "[80, 80]")),
              ElementsAre("15:41 warning F21 services.http.ports[1]"));
}

TEST(ServiceRulesTest, F23WantsTheUdpHalfOfQuic) {
  const std::string quic =
      Sample("ports: [80], protocol: tcp, pool: web, tags: [ipv4-only]",
             "ports: [443], protocol: tcp, pool: web, tags: [ipv4-only, quic]");
  EXPECT_THAT(PlacesIn(quic), ElementsAre("15:53 warning F23 services.http.protocol"));
  EXPECT_THAT(PlacesIn(absl::StrCat(quic,
                                    "  q: {vip: 203.0.113.10, ports: [443], protocol: udp, pool: "
                                    "web, tags: [ipv4-only]}\n")),
              IsEmpty());
}

TEST(ServiceRulesTest, F24RefusesAVipThatIsNotOwned) {
  EXPECT_THAT(PlacesIn(Sample("vip: 203.0.113.10", "vip: 203.0.131.10")),
              ElementsAre("15:15 error F24 services.http.vip"));
}

TEST(ServiceRulesTest, F24WarnsWhereNothingIsOwned) {
  const std::string text =
      Sample("  owned_prefixes: [203.0.113.0/24, \"2001:db8:113::/48\"]\n", "\n");
  EXPECT_THAT(PlacesIn(text), ElementsAre("2:1 warning F24 cluster.owned_prefixes"));
  EXPECT_THAT(
      PlacesIn(Replace(text, "203.0.113.10", "203.0.113.0/28")),
      ElementsAre("2:1 warning F24 cluster.owned_prefixes", "15:15 error F24 services.http.vip"));
}

TEST(ServiceRulesTest, AcceptAPrefixAsVip) {
  EXPECT_THAT(PlacesIn(Sample("203.0.113.10", "203.0.113.0/28")), IsEmpty());
  EXPECT_THAT(PlacesIn(Sample("203.0.113.10", "203.0.113.0/24")), IsEmpty());
}

TEST(ServiceRulesTest, F29RefusesAVipLargerThanWhatIsOwned) {
  EXPECT_THAT(PlacesIn(Sample("vip: 203.0.113.10", "vip: 203.0.0.0/8")),
              ElementsAre("15:15 error F29 services.http.vip"));
  EXPECT_THAT(PlacesIn(Sample("vip: 203.0.113.10", "vip: 203.0.112.0/23")),
              ElementsAre("15:15 error F29 services.http.vip"));
}

TEST(ServiceRulesTest, F27WarnsOfAServiceWithoutItsTwin) {
  EXPECT_THAT(PlacesIn(Sample(", tags: [ipv4-only]", "")),
              ElementsAre("15:3 warning F27 services.http"));
  const std::string single_stack =
      Replace(Sample(", tags: [ipv4-only]", ""), ", \"2001:db8:113::/48\"", "");
  EXPECT_THAT(PlacesIn(single_stack), IsEmpty());
}

TEST(ServiceRulesTest, F27WarnsOfTwinsWhosePoolsDiffer) {
  const std::string text = absl::StrCat(
      Replace(Replace(Sample(", tags: [ipv4-only]", ""), "services:\n",
                      "  web6:\n    backends:\n      b1: {address: \"fd00::1:1\", weight: 100}\n"
                      "      b2: {address: \"fd00::1:2\", weight: 100}\n"
                      "      b3: {address: \"fd00::1:3\", weight: 100}\nservices:\n"),
              "network:\n  encap_source: {ipv4: 10.9.0.0/24}\n  gateway: {ipv4: 10.0.0.1}\n",
              "network:\n  encap_source: {ipv4: 10.9.0.0/24, ipv6: \"fd00:9::/64\"}\n"
              "  gateway: {ipv4: 10.0.0.1, ipv6: \"fd00::1\"}\n"),
      "  http6: {vip: \"2001:db8:113::10\", ports: [80], protocol: tcp, pool: web6}\n");
  EXPECT_THAT(PlacesIn(text), IsEmpty());
  EXPECT_THAT(MessagesOf("F27", Replace(text, "10.0.1.12, weight: 100", "10.0.1.12, weight: 90")),
              ElementsAre("pools `web` and `web6` serve the two families of tcp 80 but differ: in "
                          "`web6` `b2` weighs 100, not 90"));
  EXPECT_THAT(MessagesOf("F27", Replace(text, "      b3: {address: 10.0.1.13, weight: 100}\n", "")),
              ElementsAre("pools `web` and `web6` serve the two families of tcp 80 but differ: in "
                          "`web6` `b3` is added"));
}

TEST(ServiceRulesTest, F30WarnsOfAffinityToTheClient) {
  EXPECT_THAT(PlacesIn(Sample("pool: web,", "pool: web, affinity: client,")),
              ElementsAre("15:78 warning F30 services.http.affinity"));
}

TEST(ServiceRulesTest, F48RefusesFragmentsThatCannotBeFollowed) {
  for (absl::string_view value : {"first", "tuple3"}) {
    EXPECT_THAT(PlacesIn(Sample("pool: web,", absl::StrCat("pool: web, fragments: ", value, ","))),
                ElementsAre("15:79 error F48 services.http.fragments"));
  }
  EXPECT_THAT(PlacesIn(Sample("pool: web,", "pool: web, fragments: drop,")), IsEmpty());
}

}  // namespace
}  // namespace evenkeel
