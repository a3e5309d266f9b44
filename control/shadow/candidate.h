// What a shadow decides by: a candidate that was judged as an apply would be, and compiled, and is
// published nowhere.
#ifndef CONTROL_SHADOW_CANDIDATE_H_
#define CONTROL_SHADOW_CANDIDATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "control/change/calls.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/publish/compile.h"

namespace evenkeel {

struct ShadowCandidate {
  std::optional<Refusal> refusal;  // set: there is none, and why
  std::vector<Finding> findings;   // what the guards would refuse is told here
  Config config;
  CompiledPtr compiled;       // its tables without transitions
  int64_t base_revision = 0;  // that it is compared with
  uint64_t base_generation = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_SHADOW_CANDIDATE_H_
