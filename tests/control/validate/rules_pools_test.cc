#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PoolRulesTest, F09RefusesOneAddressUnderTwoNames) {
  EXPECT_THAT(PlacesIn(Sample("10.0.1.12", "10.0.1.11")),
              ElementsAre("12:21 error F09 pools.web.backends.b2.address"));
  EXPECT_THAT(
      MessagesOf("F09", Sample("10.0.1.12", "10.0.1.11")),
      ElementsAre("10.0.1.11 is also the address of `b1` (line 11): it would be counted twice"));
}

TEST(PoolRulesTest, AcceptOneBackendInTwoPools) {
  EXPECT_THAT(PlacesIn(Sample("services:\n",
                              "  other:\n    backends:\n"
                              "      b1: {address: 10.0.1.11, weight: 1}\nservices:\n")),
              IsEmpty());
}

TEST(PoolRulesTest, F10WarnsOfOneHostTwice) {
  const std::string text =
      Replace(Sample("10.0.1.11, weight: 100", "10.0.1.11, weight: 100, host: h"),
              "10.0.1.13, weight: 100", "10.0.1.13, weight: 100, host: h");
  EXPECT_THAT(PlacesIn(text), ElementsAre("13:51 warning F10 pools.web.backends.b3.host"));
}

TEST(PoolRulesTest, F11RefusesAnEmptyPoolUnlessItSaysSo) {
  EXPECT_THAT(PlacesIn(Replace(SampleWithBackends(""), "backends:", "backends: {}")),
              ElementsAre("9:3 error F11 pools.web"));
  EXPECT_THAT(PlacesIn(Replace(SampleWithBackends(""), "backends:", "allow_empty: true")),
              ElementsAre("12:63 warning F11 services.http.pool"));
  EXPECT_THAT(PlacesIn(Sample("services:\n", "  spare: {allow_empty: true}\nservices:\n")),
              IsEmpty());
}

TEST(PoolRulesTest, F13WarnsOfABackendInAnotherApplicationsPool) {
  const std::string tagged = Sample("tags: [ipv4-only]", "tags: [ipv4-only, \"service:shop\"]");
  EXPECT_THAT(PlacesIn(Replace(tagged, "weight: 100", "weight: 100, tags: [\"service:shop\"]")),
              IsEmpty());
  EXPECT_THAT(PlacesIn(Replace(tagged, "weight: 100", "weight: 100, tags: [\"service:mail\"]")),
              ElementsAre("11:7 warning F13 pools.web.backends.b1"));
}

TEST(PoolRulesTest, F13WarnsOfABackendAmongThoseOfAnotherApplication) {
  const std::string tagged = SampleWithBackends(
      "      b1: {address: 10.0.1.11, weight: 100, tags: [\"service:mail\"]}\n"
      "      b2: {address: 10.0.1.12, weight: 100, tags: [\"service:shop\"]}\n"
      "      b3: {address: 10.0.1.13, weight: 100}\n"
      "      b4: {address: 10.0.1.14, weight: 100, tags: [\"service:shop\", rack1]}\n");
  EXPECT_THAT(PlacesIn(tagged), ElementsAre("11:7 warning F13 pools.web.backends.b1"));
  EXPECT_THAT(MessagesOf("F13", tagged),
              ElementsAre("`b1` is tagged service:mail among backends of service:shop"));
  EXPECT_THAT(PlacesIn(Replace(tagged, "\"service:mail\"", "\"service:mail\", \"service:shop\"")),
              IsEmpty());
}

TEST(PoolRulesTest, F13WarnsOfOneAddressInPoolsOfTwoApplications) {
  const std::string text = absl::StrCat(
      Replace(Sample("tags: [ipv4-only]", "tags: [ipv4-only, \"service:shop\"]"), "services:\n",
              "  mail:\n    backends:\n      m1: {address: 10.0.1.11, weight: 1}\nservices:\n"),
      "  smtp: {vip: 203.0.113.11, ports: [25], protocol: tcp, pool: mail,\n"
      "         tags: [ipv4-only, \"service:mail\"]}\n");
  EXPECT_THAT(PlacesIn(text), ElementsAre("16:7 warning F13 pools.mail.backends.m1"));
}

TEST(PoolRulesTest, F18WarnsOfColdBackends) {
  EXPECT_THAT(Places(Check(kSample).findings),
              testing::Contains("9:3 warning F18 pools.web.slow_start"));
  EXPECT_THAT(MessagesOf("F18", Sample("    backends:", "    slow_start: 60s\n    backends:")),
              IsEmpty());
}

TEST(PoolRulesTest, F19WantsAnEndOfEveryDrain) {
  EXPECT_THAT(PlacesIn(Sample("weight: 100", "weight: 100, drain: {reason: x}")),
              ElementsAre("11:45 error F19 pools.web.backends.b1.drain"));
}

TEST(PoolRulesTest, F36WarnsWhereIdleOutlastsTheDrain) {
  EXPECT_THAT(
      MessagesOf("F36", Sample("    backends:", "    idle: 1h\n    backends:")),
      ElementsAre("flows are followed for 1h after their last packet, but a drain lasts 15m: some "
                  "would still stick to a backend that has left"));
  EXPECT_THAT(
      MessagesOf("F36", Sample("    backends:", "    idle: 1h\n    drain: 60m\n    backends:")),
      IsEmpty());
}

}  // namespace
}  // namespace evenkeel
