// The site with lines lost, doubled and exchanged and numbers changed, as an editor's slip leaves
// it: whatever validate accepts can be planned and compiled, and every finding lies within the
// file.
//
// EVENKEEL_SEED repeats a run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "control/plan/plan.h"
#include "control/validate/validate.h"
#include "tests/gauntlet/cases.h"
#include "tools/evenkeel/offline_core.h"

namespace evenkeel {
namespace {

constexpr int kRounds = 200;

absl::Time Today() { return absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone()); }

// Another number in the place of one of the line's.
void ChangeNumber(std::string& line, std::mt19937& random) {
  static constexpr const char* kNumbers[] = {"0",    "1",     "2",     "7",       "19",
                                             "20",   "64",    "100",   "255",     "443",
                                             "4096", "65535", "65536", "1048576", "1048577"};
  std::vector<size_t> starts;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool digit = absl::ascii_isdigit(line[i]);
    if (digit && (i == 0 || !absl::ascii_isalnum(line[i - 1]))) starts.push_back(i);
  }
  if (starts.empty()) return;
  const size_t at = starts[random() % starts.size()];
  size_t end = at;
  while (end < line.size() && absl::ascii_isdigit(line[end])) ++end;
  line.replace(at, end - at, kNumbers[random() % std::size(kNumbers)]);
}

std::string Mutated(const std::string& text, std::mt19937& random) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
    const size_t one = random() % lines.size(), other = random() % lines.size();
    switch (random() % 6) {
      case 0:
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(one));
        break;
      case 1:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(other), std::string(lines[one]));
        break;
      case 2:
        std::swap(lines[one], lines[other]);
        break;
      default:
        ChangeNumber(lines[one], random);
        break;
    }
  }
  return absl::StrJoin(lines, "\n");
}

void ExpectPlaced(const std::vector<Finding>& findings, const std::string& text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const Finding& finding : findings) {
    EXPECT_FALSE(finding.message.empty());
    EXPECT_TRUE(finding.line >= 0 && finding.line <= lines) << finding.message;
  }
}

TEST(GauntletMutationTest, WhatIsAcceptedCanBePlannedAndCompiled) {
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("EVENKEEL_SEED")) {
    EXPECT_TRUE(absl::SimpleAtoi(given, &seed));
  }
  printf("EVENKEEL_SEED=%u\n", seed);
  std::mt19937 random(seed);
  const std::string site = LoadCases("good.yaml").at(0).base;
  const std::optional<Config> base = CheckConfig(site, {.now = Today()}).config;
  ASSERT_TRUE(base);
  int accepted = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const std::string text = Mutated(site, random);
    SCOPED_TRACE(testing::Message() << "EVENKEEL_SEED=" << seed << ", round " << round << "\n"
                                    << text);
    const CheckResult checked = CheckConfig(text, {.now = Today()});
    EXPECT_EQ(checked.config.has_value(), !HasErrors(checked.findings));
    ExpectPlaced(checked.findings, text);
    if (!checked.config) continue;
    ++accepted;
    const auto plan =
        MakePlan(&*base, *checked.config, {.now = Today(), .validation = checked.findings});
    EXPECT_TRUE(plan.ok()) << plan.status();
    if (plan.ok()) ExpectPlaced(plan->findings, text);
    const auto core = cli::OfflineCore::Make(*checked.config, ClusterKey());
    EXPECT_TRUE(core.ok()) << core.status();
  }
  EXPECT_GT(accepted, kRounds / 20);
}

}  // namespace
}  // namespace evenkeel
