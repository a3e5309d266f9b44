// What both planes say of trials, in the words of sink.h.
#ifndef CONTROL_PUBLISH_PLANE_TRIAL_H_
#define CONTROL_PUBLISH_PLANE_TRIAL_H_

#include <optional>

#include "absl/status/status.h"
#include "control/publish/sink.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

// Nothing for a record of no trial.
std::optional<PlaneTrial> ToPlaneTrial(const TrialRecord& record);

TrialRecord ToTrialRecord(const TrialPublication& trial);

// A refusal that says nothing against an image, only that a trial is in the way or has ended, is
// FailedPrecondition; anything else stays what it is.
absl::Status ToSinkStatus(absl::Status status);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_PLANE_TRIAL_H_
