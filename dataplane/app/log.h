// What evenkeel-dataplane tells the operator: one line an event, on standard error.
//
//   LogInfo("port", "link up");
//   2026-11-22T13:11:33.104Z info port: link up
//
// Under systemd (JOURNAL_STREAM is set) the line begins with <6> instead of time and level, which
// journald reads as the priority. Any thread but a worker's; a line is one write, so lines never
// mix.
#ifndef DATAPLANE_APP_LOG_H_
#define DATAPLANE_APP_LOG_H_

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

// `level`: "error", "warning" or "info".
void LogLine(absl::string_view level, absl::string_view area, absl::string_view text);

template <typename... Parts>
void LogError(absl::string_view area, const Parts&... parts) {
  LogLine("error", area, absl::StrCat(parts...));
}
template <typename... Parts>
void LogWarning(absl::string_view area, const Parts&... parts) {
  LogLine("warning", area, absl::StrCat(parts...));
}
template <typename... Parts>
void LogInfo(absl::string_view area, const Parts&... parts) {
  LogLine("info", area, absl::StrCat(parts...));
}

}  // namespace evenkeel

#endif  // DATAPLANE_APP_LOG_H_
