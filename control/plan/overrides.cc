#include "control/plan/overrides.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/validate/rule_context.h"

namespace evenkeel {
namespace {

std::vector<ActiveAllow> AllowsOf(const Config& candidate, const std::vector<Allow>& more) {
  std::vector<ActiveAllow> allows;
  for (size_t i = 0; i < candidate.safety.allow.size(); ++i) {
    allows.push_back({candidate.safety.allow[i], absl::StrCat("safety.allow[", i, "]")});
  }
  for (const Allow& allow : more) allows.push_back({allow, ""});
  return allows;
}

void Pass(const ActiveAllow& active, Finding& finding) {
  finding.severity = Severity::kNote;
  absl::StrAppend(&finding.message, " (allowed until ",
                  absl::FormatTime(absl::RFC3339_sec, active.allow.until, absl::UTCTimeZone()),
                  ": ", active.allow.reason, ")");
  finding.hint.clear();
}

}  // namespace

void ApplyOverrides(const Config& candidate, const std::vector<Allow>& more, absl::Time now,
                    std::vector<Finding>& guards, std::vector<Finding>& validation) {
  std::vector<ActiveAllow> allows = AllowsOf(candidate, more);
  for (Finding& finding : guards) {
    if (finding.severity == Severity::kNote) continue;
    for (ActiveAllow& active : allows) {
      if (!active.in_force(now) || !active.Covers(finding.rule, finding.path)) continue;
      active.used = true;
      Pass(active, finding);
      break;
    }
  }
  std::erase_if(validation, [&](const Finding& finding) {
    return finding.severity == Severity::kWarning &&
           std::any_of(allows.begin(), allows.end(), [&](const ActiveAllow& active) {
             return active.used && !active.path.empty() && finding.rule == "F63" &&
                    finding.path == absl::StrCat(active.path, ".at");
           });
  });
}

}  // namespace evenkeel
