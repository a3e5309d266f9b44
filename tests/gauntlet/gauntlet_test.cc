// No bad configuration and no bad change passes silently, and no legitimate one is refused. The
// cases are data: read bad_validate.yaml, bad_change.yaml and good.yaml as the specification.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "control/plan/plan.h"
#include "control/validate/rule.h"
#include "control/validate/validate.h"
#include "tests/gauntlet/cases.h"

namespace evenkeel {
namespace {

absl::Time Today() { return absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone()); }

CheckResult Check(const std::string& text) { return CheckConfig(text, {.now = Today()}); }

std::string Written(const std::vector<Finding>& findings) {
  std::string lines;
  for (const Finding& f : findings) {
    absl::StrAppend(&lines, "  ", f.line, ":", f.column, " ", SeverityName(f.severity), " ", f.rule,
                    " ", f.path, ": ", f.message, "\n");
  }
  return lines;
}

bool Says(const std::vector<Finding>& findings, const std::string& fault, Severity severity) {
  for (const Finding& f : findings) {
    if (f.rule == fault && f.severity == severity) return true;
  }
  return false;
}

// Nobody is left alone with a refusal: each has a rule that can be looked up, a place and a hint.
void ExpectUseful(const std::vector<Finding>& findings, const std::string& text) {
  for (const Finding& f : findings) {
    EXPECT_NE(FindRule(f.rule), nullptr) << f.rule;
    EXPECT_FALSE(f.message.empty());
    if (f.severity != Severity::kError) continue;
    EXPECT_TRUE(f.line > 0 || text.empty()) << f.rule << ": " << f.message;
    EXPECT_FALSE(f.hint.empty()) << f.rule << ": " << f.message;
  }
}

void ExpectStopped(const GauntletCase& bad, const std::vector<Finding>& findings) {
  const Severity severity = bad.must_refuse ? Severity::kError : Severity::kWarning;
  EXPECT_TRUE(Says(findings, bad.fault, severity))
      << "no " << SeverityName(severity) << " " << bad.fault << " among\n"
      << Written(findings);
  EXPECT_EQ(HasErrors(findings), bad.must_refuse) << Written(findings);
  for (const Finding& f : findings) {
    if (f.severity == Severity::kError) {
      EXPECT_TRUE(f.rule == bad.fault || f.rule == bad.also) << Written(findings);
    }
  }
}

Plan PlanOf(const GauntletCase& one, const CheckResult& candidate) {
  PlanInputs inputs{.now = Today(), .validation = candidate.findings, .new_flows = one.new_flows};
  inputs.flow_table_entries = one.flow_table;
  for (const std::string& text : one.history) inputs.confirmed.Add(*Check(text).config);
  const CheckResult base = Check(one.base);
  EXPECT_TRUE(base.config) << Written(base.findings);
  if (!base.config) return Plan();
  absl::StatusOr<Plan> plan =
      MakePlan(one.first ? nullptr : &*base.config, *candidate.config, inputs);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : Plan();
}

TEST(GauntletTest, BeginsAtASiteOfWhichNothingIsToBeSaid) {
  for (const GauntletCase& one : LoadCases("good.yaml")) {
    const CheckResult checked = Check(one.base);
    EXPECT_TRUE(checked.config) << Written(checked.findings);
    if (one.name != "nothing") continue;
    for (const Finding& f : checked.findings) {
      EXPECT_EQ(f.severity, Severity::kNote) << f.message;
    }
  }
}

TEST(GauntletTest, ValidateStopsWhatTheFileAloneShows) {
  const std::vector<GauntletCase> cases = LoadCases("bad_validate.yaml");
  EXPECT_GE(cases.size(), 80u);
  for (const GauntletCase& bad : cases) {
    SCOPED_TRACE(bad.name);
    const CheckResult checked = Check(bad.text);
    EXPECT_EQ(checked.config.has_value(), !bad.must_refuse);
    ExpectStopped(bad, checked.findings);
    ExpectUseful(checked.findings, bad.text);
  }
}

TEST(GauntletTest, PlanStopsWhatOnlyTheChangeShows) {
  const std::vector<GauntletCase> cases = LoadCases("bad_change.yaml");
  EXPECT_GE(cases.size(), 50u);
  for (const GauntletCase& bad : cases) {
    SCOPED_TRACE(bad.name);
    const CheckResult checked = Check(bad.text);
    EXPECT_TRUE(checked.config) << Written(checked.findings);
    if (!checked.config) continue;
    const Plan plan = PlanOf(bad, checked);
    EXPECT_EQ(plan.verdict, bad.must_refuse ? Verdict::kRefuse : Verdict::kAllow);
    ExpectStopped(bad, plan.findings);
    ExpectUseful(plan.findings, bad.text);
  }
}

TEST(GauntletTest, RefusesNoLegitimateChange) {
  const std::vector<GauntletCase> cases = LoadCases("good.yaml");
  EXPECT_GE(cases.size(), 40u);
  for (const GauntletCase& good : cases) {
    SCOPED_TRACE(good.name);
    const CheckResult checked = Check(good.text);
    EXPECT_TRUE(checked.config) << Written(checked.findings);
    if (!checked.config) continue;
    const Plan plan = PlanOf(good, checked);
    EXPECT_EQ(plan.verdict, Verdict::kAllow) << Written(plan.findings);
    for (const Finding& f : plan.findings) {
      EXPECT_TRUE(!good.quiet || f.severity == Severity::kNote) << Written({f});
    }
  }
}

// Every rule on the file and every rule of a change has a case that breaks it.
TEST(GauntletTest, LeavesNoRuleUntried) {
  std::set<std::string> tried;
  for (const char* file : {"bad_validate.yaml", "bad_change.yaml"}) {
    for (const GauntletCase& bad : LoadCases(file)) tried.insert(bad.fault);
  }
  for (const Rule& rule : Rules()) {
    if (rule.stage != Rule::Stage::kValidate && rule.stage != Rule::Stage::kPlan) continue;
    if (rule.id == "F31") continue;  // reported as F30
    EXPECT_TRUE(tried.count(std::string(rule.id))) << rule.id << " has no case";
  }
}

}  // namespace
}  // namespace evenkeel
