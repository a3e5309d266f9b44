// Reads the files of plan, test and simulate, and says what is wrong with them.
#ifndef TOOLS_EVENKEEL_PLAN_FILES_H_
#define TOOLS_EVENKEEL_PLAN_FILES_H_

#include <string>
#include <variant>
#include <vector>

#include "control/config/config.h"
#include "control/config/finding.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// What runs need not pass today's rules (an override in it may have expired since), but it must be
// readable and its services must have their pools.
std::variant<Config, Failure> ReadBase(const std::string& path);

// The candidate, which must be valid; what is wrong with it, or else its warnings, has been
// printed.
std::variant<Config, ExitStatus> ReadCandidate(const std::string& path, Console& console);

// The findings of a file that was refused, as text before the failure or as JSON beside it.
ExitStatus FailWithFindings(const std::string& path, const std::vector<Finding>& findings,
                            const Failure& failure, Console& console);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_PLAN_FILES_H_
