// The audit log: who asked for what, when, why, and what came of it. Append-only and chained: each
// entry's hash is SHA-256 over the hash before it and its own fields, so that a change anywhere
// shows at that entry. Length and head also stand in the images that planes run, so that a log cut
// short shows as well.
//
// Entries are appended in the transaction of what they tell (store.h); checking reads the file
// anew, through a connection of its own, in small steps that hold nobody up.
//
//   absl::StatusOr<LogCheck> check = CheckLog("/var/lib/evenkeel/control.db", {{7,
//   head_of_image}}); for (const std::string& fault : check->faults) ...
#ifndef CONTROL_STORE_AUDIT_LOG_H_
#define CONTROL_STORE_AUDIT_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/store/revision.h"
#include "control/store/sqlite.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

struct LogEntry {
  absl::Time when;
  Who who;
  std::string event;     // "apply", "trial", "confirmed", "rolled back", "refused", ...
  int64_t revision = 0;  // that it is about; 0: none
  std::string text;
};

struct LogHead {
  uint64_t entries = 0;
  Digest hash{};  // of the newest entry; zeros before the first

  bool operator==(const LogHead&) const = default;
};

// The hash of the entry that follows `before`.
Digest HashOf(const LogHead& before, const LogEntry& entry);

// Within the caller's transaction.
absl::StatusOr<LogHead> Append(Database& database, const LogHead& before, const LogEntry& entry);

// Something that knew the log when it was `head.entries` long.
struct LogWitness {
  std::string name;  // "the image that the dpdk plane runs"
  LogHead head;
};

struct LogCheck {
  LogHead head;                     // as computed from the entries
  std::vector<std::string> faults;  // a sentence each; the first names the entry
};

// Errors: the file cannot be read at all.
absl::StatusOr<LogCheck> CheckLog(const std::string& file,
                                  const std::vector<LogWitness>& witnesses);

}  // namespace evenkeel

#endif  // CONTROL_STORE_AUDIT_LOG_H_
