// Whether what is seen of a trial is evidence enough to take it back, without a person.
//
// Only a contrast acts: what the trial changed must fail while what it left alone, asked in the
// same seconds and in the same way by this node itself, does not. What clients send (floods, one
// repeated tuple, a client that is half the traffic) hits both sides alike and decides nothing
// here; it can raise alarms, and no more.
//
//   if (const auto reason = ReasonToReturn(evidence)) pipeline.Rollback({.reason = *reason}, ...);
//
// Pure.
#ifndef CONTROL_ROLLBACK_TRIAL_JUDGE_H_
#define CONTROL_ROLLBACK_TRIAL_JUDGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/rollback/trial_paths.h"

namespace evenkeel {

// A changed way: rounds in a row in which it failed while a contrast of its answered. Rounds in
// which this node could not ask it count neither way.
struct PathEvidence {
  std::string service;
  std::string backend;  // "POOL/BACKEND"
  int failed = 0;
  std::string error;     // of the last one
  std::string contrast;  // "POOL/BACKEND" that answered
};

// A backend that is checked, during the trial.
struct CheckEvidence {
  std::string pool;
  std::string backend;
  bool is_changed = false;    // new in its pool, or checked in another way than before
  bool fails = false;         // by its verdict
  bool fails_before = false;  // by the settings that are confirmed; true where there are none
  std::string error;
};

// Packets of one drop reason that only a configuration can cause.
struct DropEvidence {
  std::string reason;
  uint64_t before = 0;    // in the ten seconds before the trial
  uint64_t lately = 0;    // in the last three seconds
  uint64_t received = 0;  // packets of all kinds in those
};

struct TrialEvidence {
  std::vector<PathEvidence> paths;
  std::vector<CheckEvidence> checks;
  std::vector<DropEvidence> drops;
  // Flows are not shared out as the tables say, and an audit found that the planes hold others.
  std::string table_fault;  // empty: no
};

// What goes to the log and to the operator; not set: nothing that acts.
std::optional<std::string> ReasonToReturn(const TrialEvidence& evidence);

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_TRIAL_JUDGE_H_
