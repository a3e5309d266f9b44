// What runs while a canary has only a slice: the configuration of before, with the candidate's new
// backends beside those that are there, and tables in which the slots of the slice have the owners
// that the candidate gives them.
//
// So a stage moves slots and does nothing else. What else a candidate has comes with the last
// stage, as long as it concerns no packet by itself (objectives, idle, safety, labels ...); what
// would concern all packets at once is no slice of anything, and such a candidate is refused.
//
// Pure.
#ifndef CONTROL_CANARY_STAGE_H_
#define CONTROL_CANARY_STAGE_H_

#include <optional>
#include <string>

#include "control/config/config.h"

namespace evenkeel {

struct CanaryStage {
  int percent = 0;  // below 100
  Config before;
  Config after;
};

// What of the candidate cannot be tried on a slice, and why; not set: nothing, and there is
// something that can.
std::optional<std::string> WhyNoCanary(const Config& before, const Config& after);

// The configuration that `stage` runs with. Backends are told by their address; one that both have
// is as it was, unless it drained.
Config StageConfig(const CanaryStage& stage);

}  // namespace evenkeel

#endif  // CONTROL_CANARY_STAGE_H_
