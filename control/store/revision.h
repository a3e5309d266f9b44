// One revision of the configuration, as the store keeps it.
#ifndef CONTROL_STORE_REVISION_H_
#define CONTROL_STORE_REVISION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace evenkeel {

// Who asked, by the socket's peer credentials.
struct Who {
  uint32_t uid = 0;
  std::string name;  // as the user database has it; "uid 1000" where it has none

  bool operator==(const Who&) const = default;
};

enum class RevisionState {
  kPending,     // stored before it is published
  kTrial,       // every plane runs it, and goes back by itself at the deadline
  kConfirming,  // a person has confirmed it, and the planes are being asked
  kConfirmed,   // every plane runs it for good; the newest one is the base of the next change
  kRolledBack,  // it was on trial, and its base runs again
  kFailed,      // never ran, or was taken back before anybody was told that it runs
};

// As in the database and in the interface.
absl::string_view Name(RevisionState state);

struct Revision {
  int64_t revision = 0;  // from 1
  RevisionState state = RevisionState::kPending;
  absl::Time when;
  Who who;
  std::string reason;
  std::string file;                 // absolute path that the content was read from
  std::string content;              // byte for byte
  std::string digest;               // SHA-256 of the content, 64 hex digits
  int64_t base_revision = 0;        // what ran when it was asked for; 0: nothing
  uint64_t generation = 0;          // under which it was published last
  std::string outcome;              // why it ended as it did; empty where there is nothing to say
  std::string plan_digest;          // hex; empty: no plan was made
  std::optional<absl::Time> ended;  // when it was confirmed, rolled back or failed
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_REVISION_H_
