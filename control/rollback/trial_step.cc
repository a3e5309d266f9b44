#include "control/rollback/trial_step.h"

#include <algorithm>

namespace evenkeel {
namespace {

constexpr char kNotConfirmed[] = "it was not confirmed before its deadline";
constexpr char kWentBack[] = "the plane had gone back before it was confirmed";
constexpr char kLost[] = "the plane was started again and runs what was confirmed";
constexpr char kStopped[] = "evenkeeld was stopped before every plane ran it";

bool Any(const TrialFacts& facts, PlaneView view) {
  return std::find(facts.planes.begin(), facts.planes.end(), view) != facts.planes.end();
}
bool All(const TrialFacts& facts, PlaneView view) {
  return std::all_of(facts.planes.begin(), facts.planes.end(),
                     [view](PlaneView each) { return each == view; });
}

// Without a trial: what the planes run decides.
TrialDecision OfPublication(const TrialFacts& facts) {
  if (Any(facts, PlaneView::kUnknown)) return {};
  if (All(facts, PlaneView::kKept)) return {TrialStep::kConfirm, ""};
  return {TrialStep::kAbandon, kStopped};
}

// Begun, and not yet told to anybody.
TrialDecision OfPending(const TrialFacts& facts) {
  if (Any(facts, PlaneView::kReturned)) return {TrialStep::kReturn, kNotConfirmed};
  if (facts.expired) return {TrialStep::kReturn, kStopped};
  if (Any(facts, PlaneView::kUnknown)) return {};
  if (All(facts, PlaneView::kArmed)) return {TrialStep::kStartTrial, ""};
  if (All(facts, PlaneView::kWithout)) return {TrialStep::kAbandon, kStopped};
  return {TrialStep::kReturn, kStopped};
}

TrialDecision OfTrial(const TrialFacts& facts) {
  if (Any(facts, PlaneView::kReturned)) return {TrialStep::kReturn, kNotConfirmed};
  if (Any(facts, PlaneView::kWithout)) return {TrialStep::kReturn, kLost};
  // Said yes to by somebody whose word this store has lost (it was restored from a backup).
  if (All(facts, PlaneView::kKept)) return {TrialStep::kStartConfirm, ""};
  if (facts.expired) return {TrialStep::kReturn, kNotConfirmed};
  return {};
}

TrialDecision OfConfirming(const TrialFacts& facts) {
  if (Any(facts, PlaneView::kReturned)) return {TrialStep::kReturn, kWentBack};
  if (Any(facts, PlaneView::kWithout)) return {TrialStep::kReturn, kLost};
  if (All(facts, PlaneView::kKept)) return {TrialStep::kConfirm, ""};
  // Also past the deadline: the plane decides, and until it has spoken nobody knows.
  return {Any(facts, PlaneView::kArmed) ? TrialStep::kAskPlanes : TrialStep::kWait, ""};
}

}  // namespace

TrialDecision NextStep(const TrialFacts& facts) {
  if (!facts.is_trial) return OfPublication(facts);
  switch (facts.state) {
    case RevisionState::kPending:
      return OfPending(facts);
    case RevisionState::kTrial:
      return OfTrial(facts);
    case RevisionState::kConfirming:
      return OfConfirming(facts);
    case RevisionState::kConfirmed:
    case RevisionState::kRolledBack:
    case RevisionState::kFailed:
      break;
  }
  return {};
}

}  // namespace evenkeel
