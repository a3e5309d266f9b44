// Broken files by chance: reading never crashes, never throws, and places every finding within the
// file.
#include <random>

#include "control/config/parse.h"
#include "gtest/gtest.h"
#include "tests/control/config/sample.h"

namespace evenkeel {
namespace {

std::string Mutate(std::string text, std::mt19937& random) {
  static constexpr absl::string_view kPieces[] = {
      "{",    "}",    "[",    "]",   ":",    ": ",   ",",         "\n",     "  ",
      "\t",   "- ",   "&a ",  "*a",  "!!",   "\"",   "'",         "|",      ">",
      "#",    "? ",   "<<: ", "---", "...",  "%",    "0",         "-1",     "~",
      "\x04", "\xff", "\r",   "\\",  "null", "true", "weight: 1", "b1: {}", "\xc3\xa4"};
  const int edits = 1 + random() % 4;
  for (int i = 0; i < edits; ++i) {
    const size_t at = random() % (text.size() + 1);
    const size_t length = random() % 3 == 0 ? random() % 20 : random() % 2;
    const absl::string_view piece = kPieces[random() % std::size(kPieces)];
    text.replace(at, std::min(length, text.size() - at), random() % 4 ? std::string(piece) : "");
  }
  return text;
}

TEST(MutationTest, EveryBrokenFileGetsFindingsWithinIt) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = Mutate(kSample, random);
    const int lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    const ParseResult result = ParseConfig(text);
    ASSERT_EQ(result.config.has_value(), result.findings.empty()) << text;
    for (const Finding& finding : result.findings) {
      ASSERT_FALSE(finding.message.empty()) << text;
      ASSERT_TRUE(finding.line >= 1 && finding.line <= lines && finding.column >= 1)
          << Place(finding) << " in\n"
          << text;
    }
  }
}

}  // namespace
}  // namespace evenkeel
