#include "control/validate/validate.h"

#include <algorithm>
#include <utility>

#include "control/config/parse.h"
#include "control/validate/partial.h"
#include "control/validate/rule_context.h"

namespace evenkeel {

std::vector<Finding> Validate(const Config& config, const ValidateOptions& options) {
  RuleContext context(config, options.now, options.allow);
  // What can be overridden first: afterwards it is known which overrides were needed.
  for (Rule::Override pass : {Rule::Override::kAllowed, Rule::Override::kRefused}) {
    for (const Rule& rule : Rules()) {
      if (rule.allow == pass) context.Run(rule);
    }
  }
  return context.TakeFindings();
}

CheckResult CheckConfig(absl::string_view text, const ValidateOptions& options) {
  ParseResult parsed = ParseConfig(text);
  CheckResult result{std::move(parsed.config), std::move(parsed.findings)};
  std::vector<Finding> judged;
  if (result.config) {
    judged = Validate(*result.config, options);
  } else if (parsed.partial) {
    judged = ValidatePartial(*std::move(parsed.partial), parsed.unreliable, options);
  }
  std::move(judged.begin(), judged.end(), std::back_inserter(result.findings));
  SortByPlace(result.findings);
  if (HasErrors(result.findings)) result.config.reset();
  return result;
}

}  // namespace evenkeel
