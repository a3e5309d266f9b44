// The value of one flag, read strictly by its kind.
#ifndef TOOLS_EVENKEEL_FLAG_VALUE_H_
#define TOOLS_EVENKEEL_FLAG_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tools/evenkeel/command.h"

namespace evenkeel::cli {

struct FlagValue {
  std::string text;
  absl::Duration duration = absl::ZeroDuration();  // kDuration
  int64_t whole = 0;                               // kWhole
  absl::Time instant;                              // kInstant
};

// Completes `value` from its text. Where that is malformed: what to write instead.
std::optional<std::string> ReadFlagValue(FlagKind kind, FlagValue& value);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_FLAG_VALUE_H_
