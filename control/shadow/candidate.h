// What a shadow decides by: a candidate that was judged as an apply would be, and compiled, and is
// published nowhere. Its tables are made anew whenever what runs is published for backends that
// stand otherwise.
//
//   ShadowCandidate candidate = pipeline.MakeShadow(call, who);
//   ...
//   absl::Status made = MakeTables(*pipeline.Running()->compiled->image, &candidate);
#ifndef CONTROL_SHADOW_CANDIDATE_H_
#define CONTROL_SHADOW_CANDIDATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "control/change/calls.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/publish/compile.h"
#include "control/publish/key_file.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

struct ShadowCandidate {
  std::optional<Refusal> refusal;  // set: there is none, and why
  std::vector<Finding> findings;   // what the guards would refuse is told here
  Config config;
  ClusterKey key;
  LeaseTable leases;          // of what runs, and of what the candidate adds
  CompiledPtr compiled;       // its tables without transitions
  int64_t base_revision = 0;  // that it is compared with
  uint64_t base_generation = 0;
  CompileCache cache;  // of `compiled`
};

// Makes `compiled` for backends that stand as they do in `running`. Who is new has no verdict yet,
// and counts as what he is meant to be. Errors as Compile(); the tables are then what they were.
absl::Status MakeTables(const ImageView& running, ShadowCandidate* candidate);

}  // namespace evenkeel

#endif  // CONTROL_SHADOW_CANDIDATE_H_
