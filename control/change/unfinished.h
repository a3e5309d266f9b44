// What a plan says of structural changes that come too early: a service that is still on its way
// from another pool, affinity or number of slots, or whose packets were another's, cannot move on
// (control/publish/former.h). No override lets it pass: planes keep one former way of a service.
//
// Pure, any thread.
#ifndef CONTROL_CHANGE_UNFINISHED_H_
#define CONTROL_CHANGE_UNFINISHED_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// Errors (F32) at the services of `candidate` that have to wait, with until when. `now` and
// `now_ns` (CLOCK_BOOTTIME) are the same moment.
std::vector<Finding> FindUnfinished(const ImageView& running, const Config& candidate,
                                    absl::Time now, uint64_t now_ns);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_UNFINISHED_H_
