#include "control/app/log.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace evenkeel {
namespace {

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kInfo:
      return "info";
  }
  return "info";
}

// Priorities of syslog(3), as journald reads them at the start of a line.
absl::string_view JournalPrefix(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "<3>";
    case LogLevel::kWarning:
      return "<4>";
    case LogLevel::kInfo:
      return "<6>";
  }
  return "<6>";
}

std::string Head(LogLevel level) {
  static const bool kJournal = getenv("JOURNAL_STREAM") != nullptr;
  if (kJournal) return std::string(JournalPrefix(level));
  return absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", absl::Now(), absl::UTCTimeZone()),
                      LevelName(level), " ");
}

}  // namespace

void Log(LogLevel level, absl::string_view area, absl::string_view text) {
  std::string line = absl::StrCat(Head(level), area, ": ", text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  line.push_back('\n');
  // A log that nobody reads any more (a closed pipe) must not stop the daemon.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace evenkeel
