#include "control/config/literals.h"

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace evenkeel::decoding {
namespace {

// YYYY-MM-DDTHH:MM:SS, a fraction, and Z or an offset: absl::ParseTime is more generous than RFC
// 3339.
bool HasShapeOfTime(absl::string_view text) {
  constexpr absl::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size() || text.size() > 35) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    const bool fits = kShape[i] == '0' ? absl::ascii_isdigit(text[i]) : text[i] == kShape[i];
    if (!fits) return false;
  }
  text.remove_prefix(kShape.size());
  if (text[0] == '.') {
    size_t digits = 1;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
    if (digits == 1) return false;
    text.remove_prefix(digits);
  }
  if (text == "Z") return true;
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && AllDigits(text.substr(1, 2)) &&
         text[3] == ':' && AllDigits(text.substr(4, 2));
}

}  // namespace

bool AllDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  return !text.empty();
}

std::optional<uint64_t> ParseNumber(absl::string_view text) {
  if (!AllDigits(text) || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t number = 0;
  for (char c : text) {
    const auto digit = static_cast<uint64_t>(c - '0');
    if (number > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

std::string WhyNoNumber(absl::string_view text) {
  if (text.empty()) return "expected a number";
  if (AllDigits(text) && text[0] == '0') return "a number must not begin with 0";
  if (AllDigits(text)) return "the number is too large";
  if (text[0] == '-' || text[0] == '+') return "a number must not have a sign";
  if (absl::ascii_isdigit(text[0])) {
    if (text.find('_') != absl::string_view::npos) return "a number must not contain `_`";
    if (text.size() > 1 && text[0] == '0' && absl::ascii_isalpha(text[1])) {
      return "a number must be decimal";
    }
    if (LooksLikeNumber(text)) return "a number must be whole, and without an exponent";
  }
  return "expected a number";
}

bool LooksLikeNumber(absl::string_view text) {
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
    return text.substr(2).find_first_not_of("0123456789abcdefABCDEF") == absl::string_view::npos;
  }
  double ignored;
  return text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos &&
         absl::SimpleAtod(text, &ignored);
}

bool LooksLikeBoolean(absl::string_view text) {
  return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
         text == "FALSE";
}

std::optional<uint32_t> ParsePercent(absl::string_view text) {
  if (!absl::EndsWith(text, "%")) return std::nullopt;
  const std::optional<uint64_t> number = ParseNumber(text.substr(0, text.size() - 1));
  if (!number || *number > 100) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::optional<absl::Duration> ParseSpan(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
  const std::optional<uint64_t> count = ParseNumber(text.substr(0, digits));
  // Ten digits of the largest unit are within absl::Duration, and beyond every bound that is asked
  // for.
  if (!count || *count > 9'999'999'999) return std::nullopt;
  const auto n = static_cast<int64_t>(*count);
  const absl::string_view unit = text.substr(digits);
  if (unit == "ms") return absl::Milliseconds(n);
  if (unit == "s") return absl::Seconds(n);
  if (unit == "m") return absl::Minutes(n);
  if (unit == "h") return absl::Hours(n);
  if (unit == "d") return absl::Hours(24 * n);
  return std::nullopt;
}

std::string FormatSpan(absl::Duration span) {
  for (const auto& [unit, suffix] : {std::pair{absl::Hours(1), "h"},
                                     {absl::Minutes(1), "m"},
                                     {absl::Seconds(1), "s"},
                                     {absl::Milliseconds(1), "ms"}}) {
    if (span % unit == absl::ZeroDuration() && span >= unit) {
      return absl::StrCat(span / unit, suffix);
    }
  }
  return "0s";
}

std::optional<absl::Time> ParseInstant(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!HasShapeOfTime(text) || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return std::nullopt;
  }
  return time;
}

std::string FormatInstant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace evenkeel::decoding
