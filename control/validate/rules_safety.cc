// The limits of `safety:` themselves: one that stops nothing is no limit. What they stop is found
// by control/plan.
#include <string>

#include "absl/strings/str_cat.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

void CheckBlastRadius(RuleContext& context) {
  const BlastRadius& limits = context.config().safety.blast_radius;
  const auto warn = [&](absl::string_view key, std::string value, absl::string_view what,
                        absl::string_view usual) {
    context.Warn(absl::StrCat("safety.blast_radius.", key),
                 absl::StrCat("`", key, ": ", value, "` stops nothing: one change may ", what),
                 absl::StrCat("write `", key, ": ", usual,
                              "`, and let single changes pass by safety.allow, for a time"));
  };
  if (limits.weight_lost_percent >= 100) {
    warn("weight_lost", absl::StrCat(limits.weight_lost_percent, "%"),
         "take all of a pool's backends out", "34%");
  }
  if (limits.slots_moved_percent >= 100) {
    warn("slots_moved", absl::StrCat(limits.slots_moved_percent, "%"), "move every connection",
         "40%");
  }
  if (limits.services >= LB_SERVICES_MAX) {
    warn("services", absl::StrCat(limits.services), "touch every service", "10");
  }
}

constexpr Rule kSafetyRules[] = {
    {.id = "F12",
     .title = "too much at once",
     .explanation =
         "A change that takes more of a pool's healthy weight (by removal, drain or a lower "
         "weight), moves more slots than new backends make necessary, or touches more services "
         "than safety.blast_radius says is refused. Weight is compared with what runs and with "
         "whatever was confirmed in the last 24 hours, so that small steps add up. A node's first "
         "revision has no blast radius. Limits that would stop nothing are warned of in the file.",
     .example = "pools: {web: {backends: {web-1: {…}}}}   # of four\n"
                "# instead: one or two fewer at a time, each confirmed before the next; or\n"
                "safety: {allow: [{rule: F12, at: pools.web, reason: \"rack 2 moves\", until: …}]}",
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed,
     .check = CheckBlastRadius},
};

}  // namespace

absl::Span<const Rule> SafetyRules() { return kSafetyRules; }

}  // namespace evenkeel
