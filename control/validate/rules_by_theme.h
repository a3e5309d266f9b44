// The tables of rules, one a theme; rules.cc puts them together. Internal to control/validate.
#ifndef CONTROL_VALIDATE_RULES_BY_THEME_H_
#define CONTROL_VALIDATE_RULES_BY_THEME_H_

#include "absl/types/span.h"
#include "control/validate/rule.h"

namespace evenkeel {

absl::Span<const Rule> GeneralRules();       // reading, references, limits, what has an end
absl::Span<const Rule> WeightRules();        // weights, shares and the table's size
absl::Span<const Rule> PoolRules();          // who is in a pool, how it drains and warms up
absl::Span<const Rule> HealthRules();        // checks and how many failures a pool stands
absl::Span<const Rule> ServiceRules();       // VIPs, matching, what flows hash to
absl::Span<const Rule> NetworkRules();       // addresses, families and sizes of what is sent
absl::Span<const Rule> SafetyRules();        // limits that would stop nothing
absl::Span<const Rule> ChangeRules();        // what only a change can have; found by control/plan
absl::Span<const Rule> ConstructionRules();  // what cannot happen here, and why
absl::Span<const Rule> RunningRules();       // what only the node or its traffic can have

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_RULES_BY_THEME_H_
