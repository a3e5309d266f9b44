// What an operator asks of evenkeeld about changes, and what he is told: plain values, the same for
// gRPC, tests and the pipeline.
//
//   ApplyOutcome outcome = pipeline->Apply({.content = text, .file = path, .reason = "..."}, who);
//   if (outcome.refusal) Print(outcome.refusal->message, outcome.findings);   // nothing changed
#ifndef CONTROL_CHANGE_CALLS_H_
#define CONTROL_CHANGE_CALLS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/change/drain_forecast.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/store/revision.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

struct ApplyCall {
  std::string content;
  std::string file;  // absolute path that the content was read from
  std::string reason;
  std::string confirm;                           // "": a trial | "now"
  std::optional<int64_t> base_revision;          // compare-and-swap on the running revision
  std::string plan_digest;                       // of the plan that is meant, hex; empty: any
  std::optional<absl::Duration> confirm_within;  // 30s..1h; not set: safety.confirm_within
  std::vector<Allow> allow;                      // overrides beside those of the file
  std::string again;                  // why a content that was rolled back is applied once more
  std::optional<int> canary_percent;  // of the slots, first; not set: all at once
};

struct PlanCall {
  std::string content;
  std::string file;
  std::vector<Allow> allow;
  std::map<std::string, double> new_flows;  // a second, by service; those that are known
  // Its checks are tried first, for at most so long; not set: no backend is asked.
  std::optional<absl::Duration> probe_within;
};

struct RollbackCall {
  std::optional<int64_t> to;  // not set: the trial ends
  std::string reason;
  // The trial that was judged: another one that has begun since is left alone. Not set: any.
  std::optional<int64_t> judged;
};

// A canary has shown that it may have more.
struct WidenCall {
  int64_t revision = 0;
  int percent = 0;  // that was judged: one that is further by now stays as it is
  std::string evidence;
};

struct DrainCall {
  std::string pool;
  std::string backend;
  std::string reason;
  std::optional<absl::Time> until;  // drain only: an alarm from then on
  bool force = false;               // drain only: the guards are told, not obeyed
};

// Why a call was not done, in the terms of the public interface.
struct Refusal {
  std::string code;  // invalid | refused | not_found | unavailable | internal | usage
  std::string message;
  std::string hint;
};

// Of a trial on a slice of the slots, from its beginning to its end.
struct CanaryView {
  int percent = 0;          // of the slots, now; 100: every one, an ordinary trial from here on
  std::vector<int> stages;  // all of them, the first and 100 included
  std::string waits_for;    // what is not shown yet; empty: not looked at yet, or nothing
};

enum class ChangeState { kTrial, kConfirmed, kRolledBack };
absl::string_view Name(ChangeState state);  // "trial", "confirmed", "rolled_back"

// Of every call that changes something. Where `refusal` is set nothing changed, but for a Confirm()
// whose answer is not known (code unavailable), which says so.
struct ApplyOutcome {
  std::optional<Refusal> refusal;
  int64_t revision = 0;
  ChangeState state = ChangeState::kConfirmed;
  uint64_t generation = 0;
  std::optional<absl::Time> confirm_deadline;  // while on trial
  std::optional<CanaryView> canary;            // while on trial
  std::string reason;                          // why it ended as it did; empty: nothing to say
  std::vector<Finding> findings;
};

struct TrialView {
  int64_t revision = 0;
  int64_t base_revision = 0;  // 0: none, the way back is an empty plane
  Who who;
  std::string reason;
  absl::Time since;
  absl::Time deadline;
  absl::Duration left;  // by CLOCK_BOOTTIME; never below zero
  uint64_t generation = 0;
  uint64_t return_generation = 0;
  bool confirming = false;  // a person has said yes, and not every plane has answered yet
  std::optional<CanaryView> canary;
};

// Something that a person should look at. Those of one cause keep their `since`.
struct ControlAlarm {
  std::string rule;  // "F63", ..., or "audit", "state", "plane"
  std::optional<std::string> service;
  std::optional<std::string> backend;  // "POOL/BACKEND"
  absl::Time since;
  std::string message;
};

// A backend that drains, by the file or by `evenkeel drain`.
struct DrainView {
  std::string pool;
  std::string backend;
  std::string reason;
  std::optional<absl::Time> until;
  bool by_file = false;
  DrainProgress progress;
};

struct AuditReport {
  bool ok = true;  // no finding is an error
  std::vector<Finding> findings;
  uint64_t entries = 0;  // of the log
  Digest head{};         // of its chain
};

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_CALLS_H_
