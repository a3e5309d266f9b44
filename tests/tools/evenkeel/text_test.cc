// The pieces that text for people is made of.
#include <gtest/gtest.h>

#include <limits>

#include "tools/evenkeel/endpoint.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

TEST(PrintableTest, KeepsTextAndEscapesWhatATerminalActsOn) {
  EXPECT_EQ(Printable("web-1 für 中文 €"), "web-1 für 中文 €");
  EXPECT_EQ(Printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(Printable("a\nb\tc\rd\x7f"), "a\\nb\\tc\\x0dd\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
}

TEST(PrintableTest, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("\xe2\x82"), "\\xe2\\x82");           // cut short
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(PrintableTest, CutsAtColumnsNotAtBytes) {
  EXPECT_EQ(DisplayWidth("für"), 3u);
  EXPECT_EQ(Truncated("für", 3), "für");
  EXPECT_EQ(Truncated("fürst", 4), "für~");
  EXPECT_EQ(Truncated("fürst", 0), "");
}

TEST(TableTest, AlignsColumnsWithoutSpacesAtTheEnd) {
  Table table({{"NAME"}, {"COUNT", Align::kRight}, {"NOTE"}});
  table.Add({{"für"}, {"1"}, {"x"}});
  table.Add({{"b"}, {"123456"}});
  EXPECT_EQ(table.Render(false),
            "NAME   COUNT  NOTE\n"
            "für        1  x\n"
            "b     123456\n");
}

TEST(TableTest, LeavesOutColumnsWithoutAnyText) {
  Table table({{"A"}, {"LAST ERROR"}, {"B"}});
  table.Add({{"1"}, {""}, {"2"}});
  EXPECT_EQ(table.Render(false), "A  B\n1  2\n");
}

TEST(TableTest, PaintsTextAndNotItsPadding) {
  Table table({{"A"}, {"B"}});
  table.Add({Cell("x", Ink::kBad), {"y"}});
  table.Add({{"long"}, {"y"}});
  EXPECT_EQ(table.Render(true),
            "\x1b[2mA\x1b[0m     \x1b[2mB\x1b[0m\n"
            "\x1b[31mx\x1b[0m     y\n"
            "long  y\n");
}

TEST(TableTest, KeepsAHostileTextOnItsLine) {
  Table table({{"A"}});
  table.Add({{"x\ny\x1b[2J"}});
  EXPECT_EQ(table.Render(false), "A\nx\\ny\\x1b[2J\n");
}

TEST(RenderFieldsTest, PutsValuesBelowEachOther) {
  EXPECT_EQ(RenderFields({{"a", Cell("1")}, {"long", Cell("2")}}, false), "  a     1\n  long  2\n");
}

TEST(NumbersTest, FormatsCounts) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999'999), "999999");
  EXPECT_EQ(FormatCount(1'234'567), "1.235M");
  EXPECT_EQ(FormatCount(999'960'000), "1.000G");
  EXPECT_EQ(FormatCount(std::numeric_limits<int64_t>::max()), "9.223E");
}

TEST(NumbersTest, FormatsRates) {
  EXPECT_EQ(FormatRate(std::nullopt), "-");
  EXPECT_EQ(FormatRate(0.0), "0");
  EXPECT_EQ(FormatRate(0.5), "0.50");
  EXPECT_EQ(FormatRate(12.34), "12.3");
  EXPECT_EQ(FormatRate(99.96), "100");
  EXPECT_EQ(FormatRate(14'880'952.0), "14.88M");
}

TEST(NumbersTest, FormatsSharesAndBytes) {
  EXPECT_EQ(FormatShare(1.0 / 3), "33.33%");
  EXPECT_EQ(FormatShare(std::nullopt), "-");
  EXPECT_EQ(FormatShare(std::numeric_limits<double>::quiet_NaN()), "-");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(int64_t{5} << 30), "5.00 GiB");
}

TEST(FindingsTest, ArePrintedAsCompilersPrintThem) {
  const std::vector<Finding> findings = {{.rule = "syntax", .message = "the file is empty"},
                                         {.rule = "F01",
                                          .severity = Severity::kWarning,
                                          .path = "pools.web",
                                          .line = 3,
                                          .column = 5,
                                          .message = "odd",
                                          .hint = "mend it"}};
  EXPECT_EQ(RenderFindings("a.yaml", findings, false),
            "a.yaml: error syntax: the file is empty\n"
            "a.yaml:3:5: warning F01 pools.web: odd\n"
            "    mend it\n");
  EXPECT_EQ(CountFindings(findings), "1 error, 1 warning");
  EXPECT_EQ(CountFindings({}), "no findings");
}

TEST(FindingsTest, TakeAnUnknownSeverityForAnError) {
  v1::ApplyReply reply;
  reply.add_findings()->set_severity("disaster");
  reply.add_findings()->set_severity("note");
  const std::vector<Finding> findings = FromReply(reply.findings());
  EXPECT_EQ(findings[0].severity, Severity::kError);
  EXPECT_EQ(findings[1].severity, Severity::kNote);
}

TEST(EndpointTest, ReadsBothFamilies) {
  EXPECT_EQ(ParseEndpoint("198.51.100.2:40000")->ToString(), "198.51.100.2:40000");
  EXPECT_EQ(ParseEndpoint("[2001:DB8::0:2]:0")->ToString(), "[2001:db8::2]:0");
}

TEST(EndpointTest, SaysWhatToWriteInstead) {
  for (const char* text : {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536",
                           "1.2.3.4:080", "1.2.3:4", "::1:80", "[::1]", "[::1]80", "[1.2.3.4]:80",
                           "host:80", "[fe80::1%eth0]:80", "1.2.3.4: 80", "1.2.3.4:80 "}) {
    const auto endpoint = ParseEndpoint(text);
    EXPECT_FALSE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint.status().message().substr(0, 5), "write") << text;
  }
}

}  // namespace
}  // namespace evenkeel::cli
