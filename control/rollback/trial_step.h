// The life of a change as one pure function: from what the store holds and what each plane says to
// the next step. The same for a change that goes its way, for one that a restarted evenkeeld finds,
// and for one whose deadline has passed; the pipeline does what it says and asks again.
//
//   TrialDecision next = NextStep({.state = RevisionState::kTrial, .is_trial = true,
//                                  .expired = true, .planes = {PlaneView::kArmed}});
//   next.step == TrialStep::kReturn
//
// Two rules carry it. Nothing is recorded as confirmed before every plane has said that it is, and
// no plane is asked before the store holds `confirming`: so what a person was told is never taken
// back. And a plane's answer latches, so asking again does no harm.
#ifndef CONTROL_ROLLBACK_TRIAL_STEP_H_
#define CONTROL_ROLLBACK_TRIAL_STEP_H_

#include <string>
#include <vector>

#include "control/store/revision.h"

namespace evenkeel {

// A plane, as seen by one revision.
enum class PlaneView {
  kUnknown,   // not connected
  kArmed,     // runs it on trial
  kKept,      // runs it for good
  kReturned,  // had it, and went back
  kWithout,   // runs something else and knows of no such trial
};

struct TrialFacts {
  RevisionState state = RevisionState::kPending;  // pending, trial or confirming
  bool is_trial = false;                          // else it is confirmed as soon as planes run it
  bool expired = false;  // the deadline has passed, or the machine was booted since
  std::vector<PlaneView> planes;
};

enum class TrialStep {
  kWait,          // nothing to do before a plane connects, a person speaks or time passes
  kStartTrial,    // record that it is on trial
  kAskPlanes,     // ask those that have it armed to keep it
  kStartConfirm,  // record `confirming`: every plane keeps it already
  kConfirm,       // record that it is confirmed
  kReturn,        // bring every plane back, record that
  kAbandon,       // record that it never ran
};

struct TrialDecision {
  TrialStep step = TrialStep::kWait;
  std::string reason;  // of kReturn and kAbandon
};

TrialDecision NextStep(const TrialFacts& facts);

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_TRIAL_STEP_H_
