// A plan as the message that the CLI prints and that evenkeeld answers with. Pure, any thread.
#ifndef CONTROL_API_PLAN_MESSAGE_H_
#define CONTROL_API_PLAN_MESSAGE_H_

#include <vector>

#include "control/api/evenkeel.pb.h"
#include "control/plan/plan.h"

namespace evenkeel {

v1::PlanReply ToMessage(const Plan& plan);

// Of a candidate that has errors: a refusal with its findings and nothing else.
v1::PlanReply RefusedPlan(const std::vector<Finding>& findings);

}  // namespace evenkeel

#endif  // CONTROL_API_PLAN_MESSAGE_H_
