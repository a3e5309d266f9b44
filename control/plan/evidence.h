// How much a trial must see before it can tell a good change from a bad one.
//
// The watch decides by one-sided CUSUMs over the first packets of new flows, for each backend; one
// that gets twice or half its share is told after about 73 of the flows that it should have had
// (threshold ln(T * 4N), less than one false alarm a month). Three times that is asked for, of the
// backend with the smallest share, since it speaks last; and never less than a minute. Pure, any
// thread.
#ifndef CONTROL_PLAN_EVIDENCE_H_
#define CONTROL_PLAN_EVIDENCE_H_

#include "control/plan/plan.h"

namespace evenkeel {

inline constexpr double kFlowsToTell = 73;
inline constexpr double kSafetyFactor = 3;
inline constexpr double kSecondsMin = 60;

// `plan` has its pools and services. Nothing is needed where no pool changes; the pool that takes
// longest (without rates: that needs most flows) decides.
Evidence EvidenceNeeded(const Config& candidate, const Plan& plan, const PlanInputs& inputs);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_EVIDENCE_H_
