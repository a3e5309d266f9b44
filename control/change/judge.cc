#include "control/change/judge.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/change/drains.h"
#include "control/config/parse.h"
#include "control/validate/validate.h"

namespace evenkeel {
namespace {

Judgement Invalid(std::vector<Finding> findings) {
  Judgement judgement;
  judgement.plan.verdict = Verdict::kRefuse;
  judgement.plan.findings = std::move(findings);
  return judgement;
}

// `evenkeel drain` may leave the end open; the file may not (F19).
bool IsOpenEnd(const Finding& finding, const std::vector<BackendDrain>& drains) {
  return finding.rule == "F19" &&
         std::any_of(drains.begin(), drains.end(), [&](const BackendDrain& drain) {
           return finding.path ==
                  absl::StrCat("pools.", drain.pool, ".backends.", drain.backend, ".drain");
         });
}

// An error of the base too is one that only time has made.
void TellOldErrors(const Config& base, absl::Time now, std::vector<Finding>& findings) {
  const std::vector<Finding> old = Validate(base, {.now = now, .allow = {}});
  for (Finding& finding : findings) {
    if (finding.severity != Severity::kError) continue;
    const bool is_old = std::any_of(old.begin(), old.end(), [&](const Finding& before) {
      return before.rule == finding.rule && before.path == finding.path;
    });
    if (is_old) finding.severity = Severity::kWarning;
  }
}

}  // namespace

absl::StatusOr<Judgement> Judge(JudgeInput input) {
  ParseResult parsed = ParseConfig(input.content);
  if (!parsed.config) {
    return Invalid(CheckConfig(input.content, {.now = input.now, .allow = input.allow}).findings);
  }
  Config& config = *parsed.config;
  input.drains = JoinDrains(input.drains, config);
  std::vector<Finding> findings = Validate(config, {.now = input.now, .allow = input.allow});
  std::erase_if(findings, [&](const Finding& f) { return IsOpenEnd(f, input.drains); });
  if (input.old_errors == OldErrors::kTell && input.base != nullptr) {
    TellOldErrors(*input.base, input.now, findings);
  }
  std::move(parsed.findings.begin(), parsed.findings.end(), std::back_inserter(findings));
  SortByPlace(findings);
  if (HasErrors(findings)) return Invalid(std::move(findings));

  absl::StatusOr<Plan> plan = MakePlan(input.base, config,
                                       {.now = input.now,
                                        .base_revision = input.base_revision,
                                        .validation = std::move(findings),
                                        .allow = input.allow,
                                        .confirmed = std::move(input.confirmed),
                                        .new_flows = std::move(input.new_flows),
                                        .flow_table_entries = input.flow_table_entries,
                                        .tables = input.tables});
  if (!plan.ok()) return plan.status();
  return Judgement{.config = std::move(parsed.config),
                   .drains = std::move(input.drains),
                   .plan = *std::move(plan)};
}

void AddFindings(std::vector<Finding> found, Plan& plan) {
  if (HasErrors(found)) plan.verdict = Verdict::kRefuse;
  std::move(found.begin(), found.end(), std::back_inserter(plan.findings));
  SortByPlace(plan.findings);
}

}  // namespace evenkeel
