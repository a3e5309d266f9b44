// The sentences with which a change is refused. Each says what stands in the way, who put it there
// where somebody did, and what to do.
#ifndef CONTROL_CHANGE_REFUSALS_H_
#define CONTROL_CHANGE_REFUSALS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/change/calls.h"
#include "control/plan/plan.h"
#include "control/store/revision.h"

namespace evenkeel {

std::string TimeText(absl::Time time);  // RFC 3339, UTC, whole seconds
// "revision 7 of alice (2026-11-22T10:00:00Z, because: ...)"
std::string DescribeRevision(const Revision& revision);

// Of what failed below: the store, a plane, the compiler.
Refusal RefusalOf(const absl::Status& status);

Refusal InvalidFile(absl::string_view file, const std::vector<Finding>& findings);
Refusal RefusedByPlan(const Plan& plan, absl::string_view verb);
// `base` is what runs; null: nothing.
Refusal BaseMoved(int64_t wanted, const Revision* base);
Refusal PlanMoved(absl::string_view wanted, const Plan& plan, const Revision* base);
Refusal RolledBackBefore(const Revision& revision);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_REFUSALS_H_
