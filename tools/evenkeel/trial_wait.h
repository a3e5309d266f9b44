// `apply --wait`: asks evenkeeld how the trial ended until it tells, through restarts of the
// daemon.
#ifndef TOOLS_EVENKEEL_TRIAL_WAIT_H_
#define TOOLS_EVENKEEL_TRIAL_WAIT_H_

#include <optional>

#include "absl/time/time.h"
#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// A daemon that starts again has planes to connect to before it can tell.
constexpr absl::Duration kWaitMargin = absl::Seconds(30);

// `reply` is what apply got, its state trial; it becomes what the trial ended with. A daemon that
// is gone or silent is asked again until `margin` after the deadline, measured by the clock that
// the planes measure it with; only then does that make a failure.
std::optional<Failure> AwaitTrialEnd(const Arguments& arguments, absl::Duration margin,
                                     v1::ApplyReply& reply);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TRIAL_WAIT_H_
