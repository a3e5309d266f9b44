// A plan for people: the verdict first, then a block for each pool whose shares change with bars of
// the shares before and after, then what the change puts at risk, and last what was found.
#ifndef TOOLS_EVENKEEL_PLAN_VIEW_H_
#define TOOLS_EVENKEEL_PLAN_VIEW_H_

#include <string>

#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/terminal.h"

namespace evenkeel::cli {

// `file` is the candidate's name, `base` says what it is compared with; empty: nothing runs yet.
std::string RenderPlan(const v1::PlanReply& plan, const std::string& file, const std::string& base,
                       const Terminal& terminal);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_PLAN_VIEW_H_
