// Limits that a file loosens: it may be the very change that needs them.
#include "absl/strings/str_cat.h"
#include "control/plan/guard_parts.h"

namespace evenkeel {
namespace {

struct Limit {
  absl::string_view rule;
  std::string path;
  uint32_t before;
  uint32_t after;
  absl::string_view unit;
};

void SayIfRaised(const Limit& limit, FindingWriter& out) {
  if (limit.after <= limit.before) return;
  out.Warning(limit.rule, limit.path,
              absl::StrCat("is loosened from ", limit.before, limit.unit, " to ", limit.after,
                           limit.unit, ", for this change already and for all to come"),
              "for one change use safety.allow, which ends by itself");
}

void SayIfLowered(const Limit& limit, FindingWriter& out) {
  if (limit.after >= limit.before) return;
  out.Warning(limit.rule, limit.path,
              absl::StrCat("promises less than before: ", limit.after, limit.unit, ", was ",
                           limit.before, limit.unit),
              "for one change use safety.allow, which ends by itself");
}

}  // namespace

void GuardLimits(const GuardInput& in, FindingWriter& out) {
  const Safety &was = in.base->safety, &now = in.candidate.safety;
  SayIfRaised({"F12", "safety.blast_radius.weight_lost", was.blast_radius.weight_lost_percent,
               now.blast_radius.weight_lost_percent, "%"},
              out);
  SayIfRaised({"F12", "safety.blast_radius.slots_moved", was.blast_radius.slots_moved_percent,
               now.blast_radius.slots_moved_percent, "%"},
              out);
  SayIfRaised({"F12", "safety.blast_radius.services", was.blast_radius.services,
               now.blast_radius.services, ""},
              out);
  SayIfRaised({"F01", "safety.weight_ratio", was.weight_ratio, now.weight_ratio, ""}, out);
  for (const Pool& pool : in.candidate.pools) {
    const Pool* const former = in.base->FindPool(pool.name);
    if (former == nullptr) continue;
    const Objectives &had = former->objectives, &has = pool.objectives;
    const std::string path = absl::StrCat(PathOf(pool), ".objectives.");
    SayIfRaised({"F06", path + "max_share_error", had.max_share_error_percent,
                 has.max_share_error_percent, "%"},
                out);
    SayIfLowered(
        {"F17", path + "min_healthy", had.min_healthy_percent, has.min_healthy_percent, "%"}, out);
    SayIfLowered({"F17", path + "survive_failures", had.survive_failures, has.survive_failures, ""},
                 out);
  }
}

}  // namespace evenkeel
