// What evenkeeld tells the operator: one line an event, on standard error.
//
//   LogInfo("publish", "generation ", 42, " runs on the dpdk plane");
//   2026-11-22T13:11:33.104Z info publish: generation 42 runs on the dpdk plane
//
// Under systemd (JOURNAL_STREAM is set) the line begins with <6> instead of time and level, which
// is what journald reads as the priority. Safe from any thread; a line is one write, so lines never
// mix. Say what happened, to which thing, with the value, and what to do where there is something
// to do.
#ifndef CONTROL_APP_LOG_H_
#define CONTROL_APP_LOG_H_

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

enum class LogLevel { kError, kWarning, kInfo };

// Control characters in `text` (a reason may hold anything) are written as '?'.
void Log(LogLevel level, absl::string_view area, absl::string_view text);

template <typename... Parts>
void LogError(absl::string_view area, const Parts&... parts) {
  Log(LogLevel::kError, area, absl::StrCat(parts...));
}
template <typename... Parts>
void LogWarning(absl::string_view area, const Parts&... parts) {
  Log(LogLevel::kWarning, area, absl::StrCat(parts...));
}
template <typename... Parts>
void LogInfo(absl::string_view area, const Parts&... parts) {
  Log(LogLevel::kInfo, area, absl::StrCat(parts...));
}

}  // namespace evenkeel

#endif  // CONTROL_APP_LOG_H_
