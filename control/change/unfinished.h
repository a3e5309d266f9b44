// What a plan says of structural changes that come too early: a service that is still on its way
// from another pool, affinity or number of slots, or whose packets were another's, cannot move on
// (control/publish/former.h). No override lets it pass: planes keep one former way of a service.
//
// Pure, any thread.
#ifndef CONTROL_CHANGE_UNFINISHED_H_
#define CONTROL_CHANGE_UNFINISHED_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

inline constexpr absl::string_view kUnfinishedRule = "F32";

// Errors of that rule at the services of `candidate` that have to wait, with until when. `now` and
// `now_ns` (CLOCK_BOOTTIME) are the same moment.
std::vector<Finding> FindUnfinished(const ImageView& running, const Config& candidate,
                                    absl::Time now, uint64_t now_ns);

// Whether a finding of a plan is one of them. Other errors of a plan are guards', which an override
// lets pass; of another hash (F32 too) a guard only tells.
inline bool IsUnfinished(const Finding& finding) {
  return finding.rule == kUnfinishedRule && finding.severity == Severity::kError;
}

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_UNFINISHED_H_
