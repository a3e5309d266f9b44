// Overrides: safety.allow, and those that come with a command.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// b3 weighs thirty times the others; the override stands in line 18.
std::string WithAllow(absl::string_view rule, absl::string_view at,
                      absl::string_view until = "2027-03-01T00:00:00Z") {
  return absl::StrCat(SampleWithWeights({10, 10, 300}), "safety:\n  allow:\n    - {rule: ", rule,
                      ", at: ", at, ", reason: new, until: ", until, "}\n");
}

TEST(OverrideTest, TurnsAnErrorIntoANoteThatSaysSo) {
  const CheckResult result = Check(WithAllow("F01", "pools.web.backends.b3.weight"));
  EXPECT_TRUE(result.config);
  EXPECT_THAT(MessagesOf("F01", WithAllow("F01", "pools.web.backends.b3.weight")),
              ElementsAre(EndsWith("(allowed until 2027-03-01T00:00:00Z: new)")));
  EXPECT_THAT(Places(result.findings),
              testing::Contains("13:39 note F01 pools.web.backends.b3.weight"));
}

TEST(OverrideTest, CoversWhatLiesBelowItsPlace) {
  EXPECT_TRUE(Check(WithAllow("F01", "pools.web")).config);
  EXPECT_TRUE(Check(WithAllow("F01", "pools.web.backends.b3")).config);
  EXPECT_FALSE(Check(WithAllow("F01", "pools.we")).config);
  EXPECT_FALSE(Check(WithAllow("F01", "pools")).config);
  EXPECT_FALSE(Check(WithAllow("F01", "pools.web.backends.b1")).config);
}

TEST(OverrideTest, HintSaysWhatToWrite) {
  for (const Finding& finding : Check(SampleWithWeights({10, 10, 300})).findings) {
    if (finding.rule != "F01") continue;
    EXPECT_THAT(finding.hint, HasSubstr("{rule: F01, at: pools.web.backends.b3.weight, reason"));
  }
}

TEST(OverrideTest, IsNotUsedOnceItHasEnded) {
  EXPECT_THAT(PlacesIn(WithAllow("F01", "pools.web", "2026-10-01T00:00:00Z")),
              ElementsAre("13:39 error F01 pools.web.backends.b3.weight",
                          "18:54 error F63 safety.allow[0].until"));
}

TEST(OverrideTest, IsWarnedOfWhenNothingNeedsIt) {
  EXPECT_THAT(PlacesIn(WithAllow("F39", "network.mtu")),
              ElementsAre("13:39 error F01 pools.web.backends.b3.weight",
                          "18:23 warning F63 safety.allow[0].at"));
}

TEST(OverrideTest, IsRefusedForRulesThatCannotBend) {
  EXPECT_THAT(PlacesIn(WithAllow("F09", "pools.web")),
              testing::Contains("18:14 error reference safety.allow[0].rule"));
  EXPECT_THAT(PlacesIn(WithAllow("F99", "pools.web")),
              testing::Contains("18:14 error reference safety.allow[0].rule"));
}

// The other end of the ratio is the odd one if the operator says so.
TEST(OverrideTest, DecidesWhichWeightIsOdd) {
  const std::string text = absl::StrCat(
      SampleWithWeights({10, 300}),
      "safety: {allow: [{rule: F01, at: pools.web.backends.b1.weight, reason: old, until: "
      "2027-01-01T00:00:00Z}]}\n");
  EXPECT_THAT(PlacesIn(text), testing::IsEmpty());
}

TEST(OverrideTest, MayComeWithTheCommand) {
  const Allow allow{"F01", "pools.web.backends.b3.weight", "asked for", Today() + absl::Hours(24)};
  const std::string text = SampleWithWeights({10, 10, 300});
  EXPECT_TRUE(CheckConfig(text, {.now = Today(), .allow = {allow}}).config);
  EXPECT_FALSE(CheckConfig(text, {.now = Today() + absl::Hours(25), .allow = {allow}}).config);
}

}  // namespace
}  // namespace evenkeel
