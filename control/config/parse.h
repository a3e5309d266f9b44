// From the text of a configuration file to the model, strictly.
//
// Every problem of the text is reported at once, with line and column: YAML that is broken or uses
// what we refuse (rule `syntax`), unknown and repeated keys, wrong types, values out of bounds,
// missing keys (rule `schema`, for weights F01 and F05, for the schema's version F58). Whether the
// values make sense together is the business of control/validate.
//
// Used by the CLI and by evenkeeld; no state, safe from any thread, never throws.
//
//   absl::StatusOr<std::string> text = ReadConfigFile("/etc/evenkeel/evenkeel.yaml");
//   ParseResult parsed = ParseConfig(*text);
//   if (!parsed.config) Print(parsed.findings);
#ifndef CONTROL_CONFIG_PARSE_H_
#define CONTROL_CONFIG_PARSE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "control/config/config.h"
#include "control/config/finding.h"

namespace evenkeel {

constexpr size_t kConfigBytesMax = 16u << 20;
// More findings than this are counted, not listed.
constexpr size_t kFindingsMax = 1000;

struct ParseResult {
  // Set if and only if no finding is an error.
  std::optional<Config> config;
  std::vector<Finding> findings;

  // For reporting the problems of both stages at once (control/validate/check.h), never for
  // publishing: what could be read of a file that has errors, and the paths whose values are
  // missing or not to be believed. Not set where the text is no YAML document at all.
  std::optional<Config> partial;
  std::vector<std::string> unreliable;
};

ParseResult ParseConfig(absl::string_view text);

// The whole file. Errors say path and reason: NotFound, PermissionDenied, FailedPrecondition (a
// directory, a device) or Unavailable (it could not be read) mean that there is nothing to judge. A
// file of more than kConfigBytesMax comes back cut at one byte more, which ParseConfig() then
// refuses with a finding.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_PARSE_H_
