// The value of `apply --allow`: RULE@PATH, or RULE@PATH=DURATION.
#ifndef TOOLS_EVENKEEL_OVERRIDE_FLAG_H_
#define TOOLS_EVENKEEL_OVERRIDE_FLAG_H_

#include <string>
#include <variant>

#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// Without a duration it holds for 24 hours. Whether the rule exists and lets itself be overridden
// is for the daemon to say.
std::variant<v1::Override, Failure> ParseOverride(const std::string& text);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_OVERRIDE_FLAG_H_
