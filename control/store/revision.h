// One revision of the configuration, as the store keeps it.
#ifndef CONTROL_STORE_REVISION_H_
#define CONTROL_STORE_REVISION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"

namespace evenkeel {

// Who asked, by the socket's peer credentials.
struct Who {
  uint32_t uid = 0;
  std::string name;  // as the user database has it; "uid 1000" where it has none

  bool operator==(const Who&) const = default;
};

// Of what evenkeeld does by itself.
inline Who TheDaemon() { return {.uid = UINT32_MAX, .name = "evenkeeld"}; }

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

// Of a revision that begins as a trial.
struct TrialTerms {
  uint64_t return_generation = 0;  // of the way back
  uint64_t deadline_ns = 0;        // CLOCK_BOOTTIME
  std::string boot_id;             // of the boot that deadline_ns counts from
  absl::Time deadline;             // the same by the wall clock of that moment, for people

  bool operator==(const TrialTerms&) const = default;
};

// Of a trial that begins on a slice of the slots.
struct CanaryTerms {
  int first = 0;    // percent of the slots, at the beginning
  int percent = 0;  // as far as it was told to widen; 100: every slot

  bool operator==(const CanaryTerms&) const = default;
};

// A drain that lives beside the file: every revision has its own list, taken over from its base.
struct BackendDrain {
  std::string pool;
  std::string backend;
  std::string reason;
  absl::Time until = absl::InfiniteFuture();
  Who who;
  absl::Time since;

  bool operator==(const BackendDrain&) const = default;
};

struct Revision {
  int64_t revision = 0;  // from 1
  RevisionState state = RevisionState::kPending;
  std::string verb = "apply";  // apply | rollback | drain | undrain
  absl::Time when;
  Who who;
  std::string reason;
  std::string file;           // absolute path that the content was read from
  std::string content;        // byte for byte
  std::string digest;         // SHA-256 of the content, 64 hex digits
  int64_t base_revision = 0;  // what ran when it was asked for; 0: nothing
  uint64_t generation = 0;    // under which it was published last
  std::string plan_digest;    // hex; empty: none was made
  std::optional<TrialTerms> trial;
  std::optional<CanaryTerms> canary;
  std::vector<Allow> allow;  // overrides that came with the call
  std::vector<BackendDrain> drains;
  std::optional<absl::Time> ended;  // when it was confirmed, rolled back or failed
  std::string outcome;              // why it ended as it did; empty where there is nothing to say
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_REVISION_H_
