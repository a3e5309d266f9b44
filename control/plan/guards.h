// The guards: what of a plan is refused, and what is only said.
//
//   F12  healthy weight lost; slots moved beyond what growth forces; services touched   refused
//   F08  another number of slots, F32 another fill or hash: said, and F12 beyond its limit
//   F60  more than half of the services gone, or at another VIP             refused
//   F17  the pool does not survive what its objectives say                      refused, or said
//   F01 F06 F13 F14 F15 F19 F21 F23 F25 F35 F36 F39 F40 F44 F45 F48, loosened limits          said
//
// A node's first revision has no blast radius. The findings are those of the plan before overrides.
// Pure, any thread; part of MakePlan().
#ifndef CONTROL_PLAN_GUARDS_H_
#define CONTROL_PLAN_GUARDS_H_

#include <vector>

#include "control/plan/plan.h"

namespace evenkeel {

// `plan` has everything but findings, verdict and digest.
std::vector<Finding> Guard(const Config* base, const Config& candidate, const Plan& plan,
                           const PlanInputs& inputs);

// Beyond this factor a share that changes is named, and a trial is not confirmed without a person.
inline constexpr double kShareJump = 2.0;
// Shares are whole slots: twice as much may be a little more.
inline constexpr double kShareRounding = 1.01;

}  // namespace evenkeel

#endif  // CONTROL_PLAN_GUARDS_H_
