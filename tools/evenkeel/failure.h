// How a call of the CLI can end, and what it says when it ends badly.
//
// Every command either prints its result and returns ExitStatus::kDone, or hands one Failure to
// Console::Fail(), which prints it as a line or as `{error: {code, message, hint}}`.
#ifndef TOOLS_EVENKEEL_FAILURE_H_
#define TOOLS_EVENKEEL_FAILURE_H_

#include <string>
#include <utility>

namespace evenkeel::cli {

// The numbers are the public interface's.
enum class ExitStatus {
  kDone = 0,
  kRefused = 1,     // refused or failed, nothing changed
  kUsage = 2,       // the call is wrong, or names a file that cannot be opened
  kNoDaemon = 3,    // no daemon, or one that is silent for --timeout
  kRolledBack = 4,  // it was applied and has been rolled back
};

struct Failure {
  ExitStatus exit = ExitStatus::kRefused;
  std::string code;     // as in control/api's Error: usage, refused, unavailable, ...
  std::string message;  // what, which, the value
  std::string hint;     // what to do; may be empty
};

inline Failure UsageFailure(std::string message, std::string hint) {
  return Failure{ExitStatus::kUsage, "usage", std::move(message), std::move(hint)};
}

// For a verb or a flag that the interface names and this build lacks.
inline Failure NotBuilt(const std::string& what) {
  return UsageFailure(what + " is not built in this version",
                      "evenkeel --help lists what this version does");
}

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_FAILURE_H_
