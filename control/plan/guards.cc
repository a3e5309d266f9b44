#include "control/plan/guards.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/plan/guard_parts.h"

namespace evenkeel {

bool IsUsed(const Config& config, absl::string_view pool) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [&](const Service& service) { return service.pool == pool; });
}

std::string PercentText(double fraction) {
  return fraction != 0 && fraction < 0.001 ? "under 0.1%"
                                           : absl::StrFormat("%.1f%%", 100 * fraction);
}

std::string ListText(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 3;
  if (names.size() <= kNamed) return absl::StrJoin(names, ", ");
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + kNamed, ", "), " and ",
                      names.size() - kNamed, " more");
}

std::string AllowHint(absl::string_view rule, absl::string_view path) {
  return absl::StrCat("if it is meant: safety.allow: [{rule: ", rule, ", at: ", path,
                      ", reason: \"…\", until: …}]");
}

void GuardFlowTable(const GuardInput& in, FindingWriter& out) {
  const uint64_t room = in.inputs.flow_table_entries;
  const uint64_t needed = in.plan.flows_followed;
  if (room == 0 || 2 * needed <= room) return;
  out.Warning("F35", "pools",
              absl::StrCat("up to ", needed, " flows would have to be followed, the node's table ",
                           "holds ", room, ": beyond that connections break"),
              absl::StrCat("go in ", (2 * needed + room - 1) / room,
                           " steps, each `idle` after the one before"));
}

std::vector<Finding> Guard(const Config* base, const Config& candidate, const Plan& plan,
                           const PlanInputs& inputs) {
  FindingWriter out(candidate);
  const GuardInput in{base, candidate, plan, inputs};
  if (base != nullptr) {
    GuardBlastRadius(in, out);
    GuardShares(in, out);
    GuardReach(in, out);
    GuardLimits(in, out);
  }
  GuardFlowTable(in, out);
  GuardLosses(in, out);
  return out.Take();
}

}  // namespace evenkeel
