// Checks whole files and boils the findings down to one line each, at a fixed "today".
#ifndef TESTS_CONTROL_VALIDATE_CHECK_H_
#define TESTS_CONTROL_VALIDATE_CHECK_H_

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "control/validate/validate.h"
#include "tests/control/config/sample.h"

namespace evenkeel {

inline absl::Time Today() {
  return absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone());
}

inline CheckResult Check(absl::string_view text) { return CheckConfig(text, {.now = Today()}); }

// Whether the finding is a note, or what the sample is told for stating neither a floor nor a slow
// start.
inline bool IsExpected(const Finding& f) {
  return f.severity == Severity::kNote || f.rule == "F18" ||
         (f.rule == "F17" && absl::StrContains(f.message, "does not say"));
}

// Places of all findings but those.
inline std::vector<std::string> PlacesIn(absl::string_view text) {
  std::vector<Finding> findings = Check(text).findings;
  std::erase_if(findings, IsExpected);
  return Places(findings);
}

// The messages of the findings of `rule`.
inline std::vector<std::string> MessagesOf(absl::string_view rule, absl::string_view text) {
  std::vector<std::string> messages;
  for (const Finding& f : Check(text).findings) {
    if (f.rule == rule) messages.push_back(f.message);
  }
  return messages;
}

// The sample with the lines of its backends replaced.
inline std::string SampleWithBackends(absl::string_view lines) {
  const std::string text = kSample;
  const size_t from = text.find("      b1:"), to = text.find("services:");
  return absl::StrCat(text.substr(0, from), lines, text.substr(to));
}

// One backend line for each weight: b1 in line 11, its weight in column 40 or 41.
inline std::string SampleWithWeights(const std::vector<uint32_t>& weights) {
  std::string lines;
  for (size_t i = 0; i < weights.size(); ++i) {
    absl::StrAppend(&lines, "      b", i + 1, ": {address: 10.1.", i / 250, ".", i % 250 + 1,
                    ", weight: ", weights[i], "}\n");
  }
  return SampleWithBackends(lines);
}

}  // namespace evenkeel

#endif  // TESTS_CONTROL_VALIDATE_CHECK_H_
