// A file with errors of both kinds: all of them at once, and none that only seems to be one.
#include "control/validate/partial.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;

TEST(PartialTest, JudgesTheRestOfAFileWithAnUnknownKey) {
  const std::string text =
      Replace(Sample("10.0.1.12", "10.0.1.11"), "name: lab", "name: lab\n  nam: x");
  EXPECT_THAT(PlacesIn(text), ElementsAre("4:3 error schema cluster.nam",
                                          "13:21 error F09 pools.web.backends.b2.address"));
}

TEST(PartialTest, JudgesTheOtherBackendsOfAPool) {
  const std::string text = Replace(Sample("10.0.1.12, weight: 100", "10.0.1.12, weight: 0x64"),
                                   "10.0.1.13", "10.0.1.11");
  EXPECT_THAT(PlacesIn(text), ElementsAre("12:40 error schema pools.web.backends.b2.weight",
                                          "13:21 error F09 pools.web.backends.b3.address"));
}

TEST(PartialTest, DrawsNoConclusionsFromWhatCouldNotBeRead) {
  // Not "a pool without backends", nor "IPv6 without a gateway".
  EXPECT_THAT(PlacesIn(SampleWithBackends("      b1: {address: fd00, weight: 1}\n")),
              ElementsAre("11:21 error schema pools.web.backends.b1.address"));
  // Not "there is no pool web".
  EXPECT_THAT(PlacesIn(Sample("    backends:", "    table: 5\n    backends:")),
              ElementsAre("10:12 error schema pools.web.table"));
  // Not "the VIP is outside the owned prefixes".
  EXPECT_THAT(PlacesIn(Sample("[203.0.113.0/24,", "[203.0.113.0/x,")),
              ElementsAre("4:20 error schema cluster.owned_prefixes[0]"));
}

TEST(PartialTest, JudgesTheOtherServices) {
  const std::string text = Sample("ports: [80]", "ports: 80");
  EXPECT_THAT(
      PlacesIn(absl::StrCat(text, "  b: {vip: 192.0.2.1, ports: [1], protocol: tcp, pool: web}\n")),
      ElementsAre("15:36 error schema services.http.ports", "16:12 error F24 services.b.vip"));
}

TEST(PartialTest, GivesNoConfiguration) {
  EXPECT_FALSE(Check(Sample("name: lab", "name: lab\n  nam: x")).config);
}

}  // namespace
}  // namespace evenkeel
