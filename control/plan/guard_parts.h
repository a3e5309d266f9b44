// The parts of Guard(), one file each. Internal to control/plan.
#ifndef CONTROL_PLAN_GUARD_PARTS_H_
#define CONTROL_PLAN_GUARD_PARTS_H_

#include <string>

#include "control/plan/finding_writer.h"
#include "control/plan/plan.h"

namespace evenkeel {

struct GuardInput {
  const Config* base;  // null: first revision
  const Config& candidate;
  const Plan& plan;
  const PlanInputs& inputs;
};

// How much at once: weight lost, slots moved, services touched, services gone. Not without a base.
void GuardBlastRadius(const GuardInput& in, FindingWriter& out);
// Backends whose share jumps, that vanish unprepared, or that turn up in another pool. Not without
// a base.
void GuardShares(const GuardInput& in, FindingWriter& out);
// Services and network settings that match or reach something else than before. Not without a base.
void GuardReach(const GuardInput& in, FindingWriter& out);
// Whether the file loosens the limits that it is judged by. Not without a base.
void GuardLimits(const GuardInput& in, FindingWriter& out);
// Whether the node can follow the flows of what moves (F35).
void GuardFlowTable(const GuardInput& in, FindingWriter& out);
// Whether the pools survive what their objectives say.
void GuardLosses(const GuardInput& in, FindingWriter& out);

// Whether a service sends to the pool.
bool IsUsed(const Config& config, absl::string_view pool);
// 0.3333 -> "33.3%"
std::string PercentText(double fraction);
// "a, b, c and 4 more"
std::string ListText(const std::vector<std::string>& names);
// How to let `rule` pass at `path`.
std::string AllowHint(absl::string_view rule, absl::string_view path);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_GUARD_PARTS_H_
