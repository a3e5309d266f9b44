#include "dataplane/app/log.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace evenkeel {
namespace {

std::string Head(absl::string_view level) {
  static const bool kJournal = getenv("JOURNAL_STREAM") != nullptr;
  if (kJournal) return level == "error" ? "<3>" : level == "warning" ? "<4>" : "<6>";
  return absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", absl::Now(), absl::UTCTimeZone()),
                      level, " ");
}

}  // namespace

void LogLine(absl::string_view level, absl::string_view area, absl::string_view text) {
  const std::string line = absl::StrCat(Head(level), area, ": ", text, "\n");
  // A log that nobody reads any more must not stop the plane.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace evenkeel
