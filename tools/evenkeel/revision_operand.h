// An operand REV: the number of a revision, from 1.
#ifndef TOOLS_EVENKEEL_REVISION_OPERAND_H_
#define TOOLS_EVENKEEL_REVISION_OPERAND_H_

#include <cstdint>
#include <limits>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "control/config/literals.h"
#include "tools/evenkeel/failure.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {

inline std::variant<int64_t, Failure> ParseRevision(const std::string& verb,
                                                    const std::string& text) {
  const auto number = decoding::ParseNumber(text);
  if (number && *number >= 1 && *number <= uint64_t{std::numeric_limits<int64_t>::max()}) {
    return static_cast<int64_t>(*number);
  }
  return UsageFailure(absl::StrCat(verb, ": ", Printable(text), " is no revision"),
                      "write a number from 1; evenkeel history lists the revisions");
}

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_REVISION_OPERAND_H_
