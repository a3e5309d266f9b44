#include "control/config/parse.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/config/sample.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> PlacesIn(absl::string_view text) {
  return Places(ParseConfig(text).findings);
}

// The one finding of `text`.
Finding FindingIn(absl::string_view text) {
  const ParseResult result = ParseConfig(text);
  EXPECT_THAT(Places(result.findings), testing::SizeIs(1));
  EXPECT_FALSE(result.config);
  return result.findings.empty() ? Finding{} : result.findings[0];
}

TEST(ParseConfigTest, AcceptsTheSample) {
  const ParseResult result = ParseConfig(kSample);
  EXPECT_THAT(Places(result.findings), IsEmpty());
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->pools[0].backends[2].address.ToString(), "10.0.1.13");
}

TEST(ParseConfigTest, AcceptsJson) {
  const ParseResult result = ParseConfig(
      "{\"schema\":\"evenkeel/"
      "v1\",\n\t\"cluster\":{\"name\":\"lab\"},\"pools\":{\"web\":{\"backends\":"
      "{\"b1\":{\"address\":\"10.0.1.11\",\"weight\":100}}}}}");
  EXPECT_THAT(Places(result.findings), IsEmpty());
  EXPECT_EQ(result.config->pools[0].backends[0].weight, 100u);
}

TEST(ParseConfigTest, AcceptsByteOrderMarkAndCrLf) {
  std::string text = "\xef\xbb\xbf";
  for (char c : std::string(kSample)) text += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_THAT(PlacesIn(text), IsEmpty());
  EXPECT_THAT(PlacesIn(Replace(text, "10.0.1.11, weight: 100", "10.0.1.11, weight: 0100")),
              ElementsAre("11:40 error schema pools.web.backends.b1.weight"));
}

TEST(ParseConfigTest, PutsDefaultsWhereTheFileIsSilent) {
  const ParseResult result = ParseConfig(
      "schema: evenkeel/v1\ncluster: {name: a}\npools: {p: {}}\n"
      "services: {s: {vip: 1.2.3.4, ports: any, protocol: udp, pool: p}}");
  ASSERT_TRUE(result.config);
  const Config& config = *result.config;
  EXPECT_EQ(config.cluster.key_file, "/etc/evenkeel/cluster.key");
  EXPECT_EQ(config.network, Network{});
  EXPECT_EQ(config.network.mtu, 1600u);
  EXPECT_EQ(config.network.client_mtu, 1500u);
  EXPECT_EQ(config.network.vlan, 0u);
  EXPECT_EQ(config.safety, Safety{});
  const Pool& pool = config.pools[0];
  EXPECT_EQ(pool, (Pool{.name = "p"}));
  EXPECT_EQ(pool.forward, Forward::kIpip);
  EXPECT_EQ(pool.table.slots, 65536u);
  EXPECT_EQ(pool.table.fill, FillKind::kExact);
  EXPECT_FALSE(pool.health);
  EXPECT_EQ(pool.idle, absl::Minutes(15));
  EXPECT_EQ(config.services[0].affinity, Affinity::kFlow);
  EXPECT_EQ(config.services[0].fragments, Fragments::kDrop);
  EXPECT_TRUE(config.services[0].ports.any);
}

TEST(ParseConfigTest, ReportsEveryProblemAtOnceInTheOrderOfTheFile) {
  const std::string text =
      Replace(Sample("10.0.1.12, weight: 100", "10.0.1.12, wieght: 100"), "name: lab", "nam: lab");
  EXPECT_THAT(PlacesIn(Replace(text, "protocol: tcp", "protocol: icmp")),
              ElementsAre("2:1 error schema cluster.name", "3:3 error schema cluster.nam",
                          "12:7 error schema pools.web.backends.b2.weight",
                          "12:32 error schema pools.web.backends.b2.wieght",
                          "15:52 error schema services.http.protocol"));
}

TEST(ParseConfigTest, HintsAtTheKeyThatWasMeant) {
  EXPECT_EQ(FindingIn(Sample("gateway", "gatway")).hint, "did you mean `gateway`?");
}

TEST(ParseConfigTest, RefusesRepeatedKeysAtTheSecond) {
  const Finding finding = FindingIn(Sample("b2:", "b1:"));
  EXPECT_EQ(Place(finding), "12:7 error schema pools.web.backends.b1");
  EXPECT_EQ(finding.message, "the key `b1` is given twice, first in line 11");
}

// Each spelling of a weight that other parsers would take for some number.
TEST(ParseConfigTest, RefusesWeightsThatAreNotPlainNumbers) {
  for (absl::string_view weight : {"0100", "0x64", "0o144", "1e2", "100.0", "+100", "-100", "1_00",
                                   "\"100\"", "'100'", "ten", "true", "[100]", "{}", "100 200"}) {
    const std::string text =
        Sample("10.0.1.11, weight: 100", absl::StrCat("10.0.1.11, weight: ", weight));
    const Finding finding = FindingIn(text);
    const absl::string_view place = weight == "[100]" || weight == "{}" ? "11:32" : "11:40";
    EXPECT_EQ(Place(finding), absl::StrCat(place, " error schema pools.web.backends.b1.weight"))
        << weight;
    EXPECT_NE(finding.hint, "") << weight;
  }
}

TEST(ParseConfigTest, BoundsWeightsByRulesOfTheirOwn) {
  const auto rule_of = [](absl::string_view weight) {
    return FindingIn(Sample("weight: 100", absl::StrCat("weight: ", weight))).rule;
  };
  EXPECT_EQ(rule_of("1048577"), "F01");
  EXPECT_EQ(rule_of("4294967296"), "F05");
  EXPECT_EQ(rule_of("99999999999999999999999"), "F05");
  EXPECT_THAT(PlacesIn(Sample("weight: 100", "weight: 1048576")), IsEmpty());
}

TEST(ParseConfigTest, RefusesWhatYamlCouldHideBehind) {
  EXPECT_THAT(PlacesIn(Sample("  web:\n", "  web: &base\n")),
              ElementsAre("9:8 error syntax pools.web"));
  EXPECT_THAT(PlacesIn(Sample("name: lab", "name: !!str lab")),
              ElementsAre("3:9 error syntax cluster.name"));
  EXPECT_THAT(PlacesIn(Sample("name: lab", "name: ! lab")),
              ElementsAre("3:9 error syntax cluster.name"));
  EXPECT_THAT(PlacesIn(Sample("  name: lab", "  <<: {a: 1}\n  name: lab")),
              ElementsAre("3:3 error syntax cluster"));
  EXPECT_THAT(PlacesIn(SampleAnd("---\nschema: evenkeel/v1\n")), ElementsAre("16:1 error syntax "));
  // An alias whose anchor stands in the file, and one whose anchor does not.
  EXPECT_THAT(PlacesIn(Replace(Sample("b1: {", "b1: &x {"), "b2: {address: 10.0.1.12, weight: 100}",
                               "b2: *x")),
              ElementsAre("11:11 error syntax pools.web.backends.b1",
                          "12:11 error syntax pools.web.backends.b2"));
  EXPECT_THAT(PlacesIn(Sample("name: lab", "name: *lab")), ElementsAre("3:9 error syntax "));
}

TEST(ParseConfigTest, RefusesTextThatIsNoYaml) {
  EXPECT_THAT(PlacesIn(Sample("ports: [80]", "ports: [80")), ElementsAre("15:84 error syntax "));
  EXPECT_THAT(PlacesIn(Sample("    backends:", "   backends: x:")),
              ElementsAre("10:15 error syntax "));
  EXPECT_EQ(FindingIn(Sample("  name: lab", "\tname: lab")).message,
            "this line is indented with a tab");
  EXPECT_EQ(FindingIn("just text").message, "the file is not a mapping of keys to values");
  EXPECT_EQ(FindingIn("[a]").message, "the file is not a mapping of keys to values");
}

// yaml-cpp takes the end of the file for the missing quote.
TEST(ParseConfigTest, RefusesAFileThatEndsWithinQuotes) {
  EXPECT_THAT(PlacesIn(SampleAnd("safety: {allow: []}\nx: \"cut off\n")),
              testing::Contains("17:4 error syntax x"));
  EXPECT_THAT(PlacesIn(SampleAnd("x: 'it''s cut off\n")), testing::Contains("16:4 error syntax x"));
  EXPECT_THAT(PlacesIn(Sample("name: lab", "name: 'lab'")), IsEmpty());
}

TEST(ParseConfigTest, RefusesAnEmptyFile) {
  for (absl::string_view text : {"", "\n\n", "# nothing\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(FindingIn(text).message, "the file is empty") << text;
  }
  EXPECT_EQ(FindingIn("---\n").message, "the file is not a mapping of keys to values");
}

TEST(ParseConfigTest, RefusesBytesThatAreNoText) {
  const auto place = [](std::string what) { return Place(FindingIn(Sample("lab", what))); };
  EXPECT_EQ(place(std::string("l\0b", 3)), "3:10 error syntax ");
  EXPECT_EQ(place("la\x04"), "3:11 error syntax ");  // yaml-cpp's end of file
  EXPECT_EQ(place("la\xff"), "3:11 error syntax ");
  EXPECT_EQ(place("\xc0\xaf"), "3:9 error syntax ");          // overlong
  EXPECT_EQ(place("\xed\xa0\x80"), "3:9 error syntax ");      // a surrogate
  EXPECT_EQ(place("\xf4\x90\x80\x80"), "3:9 error syntax ");  // beyond U+10FFFF
  EXPECT_EQ(place("la\rb"), "3:11 error syntax ");
  EXPECT_EQ(FindingIn(std::string("\xff\xfes\0c\0", 6)).message, "the file is UTF-16");
}

TEST(ParseConfigTest, RefusesDeepNestingWithoutRecursing) {
  const auto nested = [](int depth) {
    return absl::StrCat("x: ", std::string(depth, '['), std::string(depth, ']'), "\n");
  };
  EXPECT_THAT(FindingIn(SampleAnd(nested(10))).message, HasSubstr("unknown key"));
  EXPECT_THAT(PlacesIn(SampleAnd(nested(100))),
              ElementsAre("16:1 error schema x", testing::StartsWith("16:27 error syntax x[0]")));
  EXPECT_THAT(
      PlacesIn(SampleAnd(nested(100000))),
      ElementsAre(testing::StartsWith("16:27 error syntax x[0]"), HasSubstr("error syntax")));
}

// yaml-cpp would need gigabytes for it.
TEST(ParseConfigTest, RefusesFilesOfNothingButStructure) {
  const std::string text = absl::StrCat("x: ", std::string(5'000'000, '['), "\n");
  EXPECT_EQ(FindingIn(text).message, "the file has too many values to be a configuration");
}

TEST(ParseConfigTest, BoundsItsOwnComplaints) {
  std::string text = kSample;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&text, "k", i, ": 1\n");
  const ParseResult result = ParseConfig(text);
  ASSERT_EQ(result.findings.size(), kFindingsMax + 1);
  EXPECT_EQ(result.findings.back().message, "4000 more problems are not listed");
  EXPECT_FALSE(result.config);
}

TEST(ParseConfigTest, KnowsOnlyItsOwnSchema) {
  EXPECT_EQ(Place(FindingIn(Sample("evenkeel/v1", "evenkeel/v2"))), "1:9 error F58 schema");
  EXPECT_EQ(Place(FindingIn(Sample("schema: evenkeel/v1\n", "\n"))), "2:1 error schema schema");
}

TEST(ParseConfigTest, RefusesNamesThatAreNone) {
  for (absl::string_view name : {"-b", ".b", "b b", "b/1", "\"\"", "bä", "b@1"}) {
    EXPECT_EQ(FindingIn(Sample("b1:", absl::StrCat(name, ":"))).rule, "schema") << name;
  }
  EXPECT_EQ(FindingIn(Sample("b1:", std::string(64, 'b') + ":")).rule, "schema");
  EXPECT_THAT(PlacesIn(Sample("b1:", std::string(63, 'b') + ":")), IsEmpty());
  EXPECT_THAT(PlacesIn(Sample("b1:", "10.rack-1_a:")), IsEmpty());
}

TEST(ParseConfigTest, RefusesTwoThingsOfOnePath) {
  const std::string text = absl::StrCat("schema: evenkeel/v1\ncluster: {name: a}\npools:\n",
                                        "  a: {table: {slots: 4096}}\n", "  a.table: {}\n");
  EXPECT_THAT(PlacesIn(text), ElementsAre("5:3 error schema pools.a.table"));
}

TEST(ParseConfigTest, RefusesPrefixesThatAreNeitherNetworkNorHost) {
  const Finding finding = FindingIn(Sample("203.0.113.10", "203.0.113.10/24"));
  EXPECT_EQ(Place(finding), "15:15 error F29 services.http.vip");
  EXPECT_THAT(finding.message, HasSubstr("203.0.113.0/24"));
}

TEST(ParseConfigTest, RefusesAddressesOfTheWrongFamily) {
  EXPECT_EQ(Place(FindingIn(Sample("gateway: {ipv4: 10.0.0.1}", "gateway: {ipv6: 10.0.0.1}"))),
            "7:19 error F28 network.gateway.ipv6");
}

TEST(ParseConfigTest, ReadsPorts) {
  const ParseResult result = ParseConfig(Sample("[80]", "[80, \"8000-8099\", 9000-9001]"));
  ASSERT_TRUE(result.config);
  EXPECT_EQ(ToString(result.config->services[0].ports), "80,8000-8099,9000-9001");
  for (absl::string_view ports :
       {"80", "[]", "[0]", "[65536]", "[\"80\"]", "[90-80]", "[-80]", "[80-]", "[1-65536]",
        "[0-80]", "[080]", "[1-2-3]", "ANY", "[any]", "{}"}) {
    EXPECT_EQ(FindingIn(Sample("[80]", ports)).rule, "schema") << ports;
  }
}

TEST(ParseConfigTest, RefusesTextWhereYamlSeesSomethingElse) {
  for (absl::string_view name : {"12", "1.5", "true", "null", "~", "", "[a]", "0x1"}) {
    EXPECT_EQ(Place(FindingIn(Sample("name: lab", absl::StrCat("name: ", name)))).substr(0, 9),
              absl::string_view(name.empty() || name == "null" || name == "~" || name == "[a]"
                                    ? "3:3 error"
                                    : "3:9 error"))
        << name;
  }
  EXPECT_THAT(PlacesIn(Sample("name: lab", "name: \"12\"")), IsEmpty());
}

// One wrong value for each kind of key, by place and rule.
TEST(ParseConfigTest, RefusesValuesOfTheWrongKind) {
  const struct {
    absl::string_view from, to, place;
  } kCases[] = {
      {"owned_prefixes: [", "owned_prefixes: [7, ", "4:20 error schema cluster.owned_prefixes[0]"},
      {"  gateway", "  mtu: 1279\n  gateway", "7:8 error schema network.mtu"},
      {"  gateway", "  vlan: 4095\n  gateway", "7:9 error schema network.vlan"},
      {"  gateway", "  vlan: None\n  gateway", "7:9 error schema network.vlan"},
      {"  gateway", "  gateway_mac: {ipv4: 7}\n  gateway",
       "7:23 error schema network.gateway_mac.ipv4"},
      {"    backends:", "    forward: ipop\n    backends:", "10:14 error schema pools.web.forward"},
      {"    backends:", "    table: {fill: Exact}\n    backends:",
       "10:19 error schema pools.web.table.fill"},
      {"    backends:", "    idle: 59s\n    backends:", "10:11 error schema pools.web.idle"},
      {"    backends:", "    idle: 15\n    backends:", "10:11 error schema pools.web.idle"},
      {"    backends:", "    allow_empty: yes\n    backends:",
       "10:18 error schema pools.web.allow_empty"},
      {"    backends:", "    objectives: {max_share_error: 0.01}\n    backends:",
       "10:35 error schema pools.web.objectives.max_share_error"},
      {"    backends:", "    health: {}\n    backends:", "10:5 error schema pools.web.health"},
      {"    backends:", "    health: {icmp: {}, tcp: {port: 1}}\n    backends:",
       "10:5 error schema pools.web.health"},
      {"    backends:", "    health: {tcp: {}}\n    backends:",
       "10:14 error schema pools.web.health.tcp.port"},
      {"10.0.1.11,", "10.0.1.300,", "11:21 error schema pools.web.backends.b1.address"},
      {"weight: 100", "weight: 100, capacity: 0",
       "11:55 error schema pools.web.backends.b1.capacity"},
      {"weight: 100", "weight: 100, drain: {until: 2027-01-31T12:00:00Z}",
       "11:45 error schema pools.web.backends.b1.drain.reason"},
      {"weight: 100", "weight: 100, drain: {reason: x, until: tomorrow}",
       "11:71 error schema pools.web.backends.b1.drain.until"},
      {"weight: 100", "weight: 100, tags: x", "11:51 error schema pools.web.backends.b1.tags"},
      {"tags: [ipv4-only]", "affinity: source", "15:78 error schema services.http.affinity"},
      {"tags: [ipv4-only]", "fragments: pass", "15:79 error schema services.http.fragments"},
      {"pool: web", "pool: [web]", "15:57 error schema services.http.pool"},
  };
  for (const auto& [from, to, place] : kCases) {
    std::string expected(place);
    EXPECT_THAT(PlacesIn(Sample(from, to)), ElementsAre(expected)) << to;
  }
}

TEST(ParseConfigTest, AcceptsPoolRemovedAsAnotherNameOfWeightLost) {
  const ParseResult result =
      ParseConfig(SampleAnd("safety: {blast_radius: {pool_removed: 20%}}\n"));
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->safety.blast_radius.weight_lost_percent, 20u);
  EXPECT_THAT(
      PlacesIn(SampleAnd("safety: {blast_radius: {pool_removed: 20%, weight_lost: 20%}}\n")),
      ElementsAre("16:10 error schema safety.blast_radius"));
}

TEST(ParseConfigTest, RequiresAllOfAnOverride) {
  EXPECT_THAT(PlacesIn(SampleAnd("safety:\n  allow:\n    - {rule: F01}\n")),
              ElementsAre("18:7 error schema safety.allow[0].at",
                          "18:7 error schema safety.allow[0].reason",
                          "18:7 error schema safety.allow[0].until"));
}

TEST(ParseConfigTest, SaysWhatCouldNotBeRead) {
  const ParseResult result = ParseConfig(Sample("10.0.1.12, weight: 100", "10.0.1.12"));
  EXPECT_FALSE(result.config);
  ASSERT_TRUE(result.partial);
  EXPECT_EQ(result.partial->pools[0].backends.size(), 3u);
  EXPECT_THAT(result.unreliable, ElementsAre("pools.web.backends.b2.weight"));
}

}  // namespace
}  // namespace evenkeel
