// The spellings of numbers, durations and times in a configuration file, as functions of text
// alone. Internal to control/config; readers.h turns them into findings.
#ifndef CONTROL_CONFIG_LITERALS_H_
#define CONTROL_CONFIG_LITERALS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace evenkeel::decoding {

// Nothing but decimal digits, and at least one.
bool AllDigits(absl::string_view text);

// Decimal digits without leading zeros, at most 64 bits.
std::optional<uint64_t> ParseNumber(absl::string_view text);
// What is wrong with `text`, which is no such number.
std::string WhyNoNumber(absl::string_view text);

// What YAML 1.2's core schema takes for an integer or a float, for a boolean, rather than for text.
bool LooksLikeNumber(absl::string_view text);
bool LooksLikeBoolean(absl::string_view text);

// N% with N from 0 to 100.
std::optional<uint32_t> ParsePercent(absl::string_view text);

// N(ms|s|m|h|d).
std::optional<absl::Duration> ParseSpan(absl::string_view text);
// The same way back, in the largest unit that divides it.
std::string FormatSpan(absl::Duration span);

// RFC 3339, with `T` and `Z` in upper case.
std::optional<absl::Time> ParseInstant(absl::string_view text);
// The same way back, in UTC and whole seconds.
std::string FormatInstant(absl::Time time);

}  // namespace evenkeel::decoding

#endif  // CONTROL_CONFIG_LITERALS_H_
