#include "tools/evenkeel/flag_value.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "control/config/literals.h"

namespace evenkeel::cli {

std::optional<std::string> ReadFlagValue(FlagKind kind, FlagValue& value) {
  switch (kind) {
    case FlagKind::kSwitch:
      if (value.text == "true" || value.text == "false") return std::nullopt;
      return "a switch is given alone, or as =true or =false";
    case FlagKind::kText:
      if (!absl::StripAsciiWhitespace(value.text).empty()) return std::nullopt;
      return "give a text that is not empty";
    case FlagKind::kDuration:
      if (const auto duration = decoding::ParseSpan(value.text)) {
        value.duration = *duration;
        return std::nullopt;
      }
      return "write a duration as N(ms|s|m|h|d), for example 10s";
    case FlagKind::kWhole:
      if (const auto number = decoding::ParseNumber(value.text);
          number && *number <= uint64_t{std::numeric_limits<int64_t>::max()}) {
        value.whole = static_cast<int64_t>(*number);
        return std::nullopt;
      }
      return "write a whole number from 0, in decimal digits";
  }
  return std::nullopt;
}

}  // namespace evenkeel::cli
