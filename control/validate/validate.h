// Judges a configuration that could be read: does it make sense, and which of the known faults is
// in it?
//
// Every problem is reported, each with rule, place, values and what to write instead. Pure: no
// clock, no file, no daemon; any thread. Used by the CLI, by evenkeeld before it publishes, and by
// plan.
//
//   CheckResult checked = CheckConfig(text, {.now = absl::Now()});
//   if (!checked.config) Print(checked.findings);      // refused; else findings may hold warnings
#ifndef CONTROL_VALIDATE_VALIDATE_H_
#define CONTROL_VALIDATE_VALIDATE_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"

namespace evenkeel {

struct ValidateOptions {
  absl::Time now = absl::Now();  // drains and overrides are judged against it
  std::vector<Allow> allow;      // in addition to the file's (`apply --allow`)
};

// The findings of every rule, in the order of the file.
std::vector<Finding> Validate(const Config& config, const ValidateOptions& options);

struct CheckResult {
  std::optional<Config> config;   // set if and only if no finding is an error
  std::vector<Finding> findings;  // of reading and of judging, in the order of the file
};

// Reads and judges in one go. Where parts of the text cannot be read, the rules still judge the
// pools and services that could, so that a file is mended in one round and not in two.
CheckResult CheckConfig(absl::string_view text, const ValidateOptions& options);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_VALIDATE_H_
