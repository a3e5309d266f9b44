#include "control/config/literals.h"

#include "gtest/gtest.h"

namespace evenkeel::decoding {
namespace {

TEST(LiteralsTest, TakesOnlyPlainDecimalNumbers) {
  EXPECT_EQ(ParseNumber("0"), 0u);
  EXPECT_EQ(ParseNumber("1048576"), 1048576u);
  EXPECT_EQ(ParseNumber("18446744073709551615"), 18446744073709551615u);
  for (absl::string_view text :
       {"", "00", "0100", "0x64", "0o17", "1e3", "1.0", "+1", "-1", "1_000", " 1", "1 ",
        "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(ParseNumber(text)) << text;
  }
}

TEST(LiteralsTest, SaysWhatIsWrongWithANumber) {
  EXPECT_EQ(WhyNoNumber("0100"), "a number must not begin with 0");
  EXPECT_EQ(WhyNoNumber("0x64"), "a number must be decimal");
  EXPECT_EQ(WhyNoNumber("-5"), "a number must not have a sign");
  EXPECT_EQ(WhyNoNumber("1_000"), "a number must not contain `_`");
  EXPECT_EQ(WhyNoNumber("1e3"), "a number must be whole, and without an exponent");
  EXPECT_EQ(WhyNoNumber("99999999999999999999"), "the number is too large");
  EXPECT_EQ(WhyNoNumber("ten"), "expected a number");
  EXPECT_EQ(WhyNoNumber(""), "expected a number");
}

TEST(LiteralsTest, TellsNumbersAndBooleansFromText) {
  for (absl::string_view text :
       {"1", "-1", "+1", "1.5", ".5", "1.", "1e3", "0x64", "0o17", "0100"}) {
    EXPECT_TRUE(LooksLikeNumber(text)) << text;
  }
  for (absl::string_view text : {"", "-", "e", "1.2.3", "0xyz", "10.0.0.1", "1a", "inf", "nan"}) {
    EXPECT_FALSE(LooksLikeNumber(text)) << text;
  }
  EXPECT_TRUE(LooksLikeBoolean("true"));
  EXPECT_FALSE(LooksLikeBoolean("yes"));
}

TEST(LiteralsTest, ReadsPercentages) {
  EXPECT_EQ(ParsePercent("0%"), 0u);
  EXPECT_EQ(ParsePercent("100%"), 100u);
  for (absl::string_view text : {"", "%", "34", "101%", "034%", "0.5%", "-1%", "34 %", "34%%"}) {
    EXPECT_FALSE(ParsePercent(text)) << text;
  }
}

TEST(LiteralsTest, ReadsAndWritesDurations) {
  for (absl::string_view text : {"0s", "250ms", "30s", "15m", "4h"}) {
    ASSERT_TRUE(ParseSpan(text)) << text;
    EXPECT_EQ(FormatSpan(*ParseSpan(text)), text);
  }
  EXPECT_EQ(ParseSpan("2d"), absl::Hours(48));
  for (absl::string_view text : {"", "s", "30", "30 s", "1.5s", "-1s", "+1s", "015m", "1m30s", "1M",
                                 "30sec", "99999999999s", "0x1s"}) {
    EXPECT_FALSE(ParseSpan(text)) << text;
  }
}

TEST(LiteralsTest, ReadsTimesOfRfc3339Only) {
  EXPECT_EQ(ParseInstant("2027-01-31T12:00:00Z"), absl::FromUnixSeconds(1801396800));
  EXPECT_EQ(ParseInstant("2027-01-31T13:30:00+01:30"), absl::FromUnixSeconds(1801396800));
  EXPECT_TRUE(ParseInstant("2027-01-31T12:00:00.5Z"));
  EXPECT_EQ(FormatInstant(absl::FromUnixSeconds(1801396800)), "2027-01-31T12:00:00Z");
  for (absl::string_view text :
       {"", "2027-01-31", "2027-01-31 12:00:00Z", "2027-01-31T12:00:00", "2027-02-30T00:00:00Z",
        "2027-13-01T00:00:00Z", "2027-01-31T25:00:00Z", "2027-01-31T12:00:00.Z", "infinite-future",
        "2027-01-31T12:00:00z", "2027-1-31T12:00:00Z", " 2027-01-31T12:00:00Z", "tomorrow",
        "2027-01-31T12:00:00+1:30"}) {
    EXPECT_FALSE(ParseInstant(text)) << text;
  }
}

}  // namespace
}  // namespace evenkeel::decoding
