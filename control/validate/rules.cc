#include <algorithm>
#include <vector>

#include "control/validate/rule.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

// The numbers of the catalogue in order, then the words.
bool ComesBefore(const Rule& a, const Rule& b) {
  const bool a_numbered = a.id[0] == 'F', b_numbered = b.id[0] == 'F';
  return a_numbered != b_numbered ? a_numbered : a.id < b.id;
}

std::vector<Rule> AllRules() {
  std::vector<Rule> all;
  for (absl::Span<const Rule> theme :
       {GeneralRules(), WeightRules(), PoolRules(), HealthRules(), ServiceRules(), NetworkRules(),
        SafetyRules(), ChangeRules(), ConstructionRules(), RunningRules()}) {
    all.insert(all.end(), theme.begin(), theme.end());
  }
  std::sort(all.begin(), all.end(), ComesBefore);
  return all;
}

}  // namespace

absl::string_view Name(Rule::Stage stage) {
  switch (stage) {
    case Rule::Stage::kValidate:
      return "validate";
    case Rule::Stage::kPlan:
      return "plan";
    case Rule::Stage::kConstruction:
      return "construction";
    case Rule::Stage::kNode:
      return "node";
    case Rule::Stage::kTraffic:
      return "traffic";
  }
  return "";
}

absl::Span<const Rule> Rules() {
  static const auto* const rules = new std::vector<Rule>(AllRules());
  return *rules;
}

const Rule* FindRule(absl::string_view id) {
  for (const Rule& rule : Rules()) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

}  // namespace evenkeel
