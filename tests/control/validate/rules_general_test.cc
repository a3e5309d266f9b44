#include "control/validate/rule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RulesTest, AreExplainedWithAnExampleAndHaveOneIdEach) {
  std::string last;
  for (const Rule& rule : Rules()) {
    EXPECT_EQ(FindRule(rule.id), &rule);
    EXPECT_FALSE(rule.title.empty() || rule.explanation.empty() || rule.example.empty()) << rule.id;
    EXPECT_NE(last, rule.id);
    last = std::string(rule.id);
  }
  EXPECT_EQ(FindRule("F00"), nullptr);
}

TEST(GeneralRulesTest, ReferenceNamesThePoolThatWasMeant) {
  const CheckResult result = Check(Sample("pool: web", "pool: wbe"));
  EXPECT_THAT(Places(result.findings), Contains("15:63 error reference services.http.pool"));
  EXPECT_EQ(MessagesOf("reference", Sample("pool: web", "pool: wbe"))[1], "there is no pool `wbe`");
  EXPECT_FALSE(result.config);
}

TEST(GeneralRulesTest, ReferenceNotesAnUnusedPool) {
  EXPECT_THAT(MessagesOf("reference", Sample("pool: web", "pool: web")), IsEmpty());
  EXPECT_THAT(
      MessagesOf("reference", Sample("services:\n", "  idle: {allow_empty: true}\nservices:\n")),
      ElementsAre("no service uses the pool `idle`"));
}

TEST(GeneralRulesTest, SchemaRefusesAddressesThatAreNoHosts) {
  for (absl::string_view address : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_THAT(PlacesIn(Sample("10.0.1.12", address)),
                ElementsAre("12:21 error schema pools.web.backends.b2.address"));
  }
  EXPECT_THAT(PlacesIn(Sample("gateway: {ipv4: 10.0.0.1}", "gateway: {ipv4: 0.0.0.0}")),
              ElementsAre("7:19 error schema network.gateway.ipv4"));
}

TEST(GeneralRulesTest, SchemaBoundsWhatANodeHolds) {
  std::string services = kSample;
  for (int i = 0; i < 4096; ++i) {
    absl::StrAppend(&services, "  s", i, ": {vip: 203.0.113.11, ports: [", i + 1,
                    "], protocol: tcp, pool: web, tags: [ipv4-only]}\n");
  }
  EXPECT_THAT(PlacesIn(services), ElementsAre("14:1 error schema services"));

  std::string prefixes = Sample("203.0.113.0/24", "203.0.0.0/8");
  for (int length = 9; length <= 25; ++length) {
    absl::StrAppend(&prefixes, "  s", length, ": {vip: 203.0.0.0/", length, ", ports: [", length,
                    "], protocol: tcp, pool: web, tags: [ipv4-only]}\n");
  }
  EXPECT_THAT(MessagesOf("schema", prefixes),
              ElementsAre("18 different prefix lengths of IPv4 VIPs, a node has room for 16"));
}

TEST(GeneralRulesTest, NotActiveIsNoKey) {
  EXPECT_THAT(
      PlacesIn(SampleWithBackends("      b1: {address: 10.0.1.11, weight: 100, capacity: 1000}\n"
                                  "      b2: {address: 10.0.1.12, weight: 100, capacity: 1000}\n")),
      IsEmpty());
  EXPECT_THAT(PlacesIn(Sample("    backends:", "    drain: 20m\n    backends:")), IsEmpty());
  EXPECT_THAT(PlacesIn(Sample("    backends:", "    slow_start: 0s\n    backends:")), IsEmpty());
}

TEST(GeneralRulesTest, NotActiveRefusesValuesThatCannotBeHonoured) {
  for (absl::string_view forward : {"gue", "gre"}) {
    EXPECT_THAT(PlacesIn(Sample("    backends:",
                                absl::StrCat("    forward: ", forward, "\n    backends:"))),
                ElementsAre("10:14 error not-active pools.web.forward"));
  }
}

TEST(GeneralRulesTest, F63RefusesWhatIsOverdue) {
  const auto with_end = [](absl::string_view until) {
    return Sample("weight: 100",
                  absl::StrCat("weight: 100, drain: {reason: x, until: ", until, "}"));
  };
  EXPECT_THAT(PlacesIn(with_end("2026-10-31T23:59:59Z")),
              ElementsAre("11:71 error F63 pools.web.backends.b1.drain.until"));
  EXPECT_THAT(PlacesIn(with_end("2026-11-01T00:00:01Z")), IsEmpty());
  EXPECT_THAT(PlacesIn(with_end("2999-01-01T00:00:00Z")),
              ElementsAre("11:71 warning F63 pools.web.backends.b1.drain.until"));
}

}  // namespace
}  // namespace evenkeel
