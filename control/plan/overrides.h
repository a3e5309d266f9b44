// Overrides for what the plan itself finds: `safety.allow` and `apply --allow` turn the errors and
// warnings of a rule at a place into notes until they expire. Validation does the same for its own
// findings (control/validate); part of MakePlan(), pure.
#ifndef CONTROL_PLAN_OVERRIDES_H_
#define CONTROL_PLAN_OVERRIDES_H_

#include <vector>

#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"

namespace evenkeel {

// `guards` are the plan's own findings. Validation cannot know of them, so where an override is
// used here, its complaint that nothing needs that override is taken out of `validation`. Overrides
// of rules that only a change can break are complained of here where nothing needs them.
void ApplyOverrides(const Config& candidate, const std::vector<Allow>& more, absl::Time now,
                    std::vector<Finding>& guards, std::vector<Finding>& validation);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_OVERRIDES_H_
