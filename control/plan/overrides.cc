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

// Validation has judged the others.
bool IsOfAChange(absl::string_view id) {
  const Rule* const rule = FindRule(id);
  return rule != nullptr && rule->stage == Rule::Stage::kPlan;
}

Finding Unused(const Config& candidate, const ActiveAllow& active) {
  const std::string path = active.path.empty() ? "" : absl::StrCat(active.path, ".at");
  const Location at = path.empty() ? Location{} : candidate.locations.Find(path);
  return {.rule = "F63",
          .severity = Severity::kWarning,
          .path = path,
          .line = at.line,
          .column = at.column,
          .message = absl::StrCat("nothing at ", active.allow.at, " needs the override of ",
                                  active.allow.rule),
          .hint = "remove it, or mend the place that it names"};
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
  for (const ActiveAllow& active : allows) {
    if (active.used || !active.in_force(now) || !IsOfAChange(active.allow.rule)) continue;
    guards.push_back(Unused(candidate, active));
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
