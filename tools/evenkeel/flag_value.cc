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
    case FlagKind::kInstant:
      if (const auto instant = decoding::ParseInstant(value.text)) {
        value.instant = *instant;
        return std::nullopt;
      }
      return "write a time as in RFC 3339, for example 2027-01-31T12:00:00Z";
    case FlagKind::kDigest:
      if (value.text.size() == 64 &&
          value.text.find_first_not_of("0123456789abcdef") == std::string::npos) {
        return std::nullopt;
      }
      return "write all of the 64 hex digits that evenkeel plan prints";
  }
  return std::nullopt;
}

}  // namespace evenkeel::cli
