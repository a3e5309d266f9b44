// What a rule is: an id that operators can look up, the texts that explain it, the stage that stops
// the fault, and for what a file alone shows a small function over the configuration. The rules
// stand in tables, one a theme (rules_*.cc); adding one is adding a row and its function. Every
// number of the catalogue has a row, also those that no file can have: the row then says how the
// fault is kept out, or who notices it.
#ifndef CONTROL_VALIDATE_RULE_H_
#define CONTROL_VALIDATE_RULE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace evenkeel {

class RuleContext;

struct Rule {
  enum class Override {
    kRefused,  // such a configuration cannot work, or the file itself has a better way to say it
    kAllowed,  // `safety.allow` can turn its findings into notes for a time
  };
  // Where the fault is stopped, or seen.
  enum class Stage {
    kValidate,      // in the file alone
    kPlan,          // in the difference to what runs
    kConstruction,  // nowhere: this balancer cannot have it, whatever the file says
    kNode,          // on the node and its network: `doctor`, `plan --probe`
    kTraffic,       // only in the traffic itself: the watch and its counters
  };

  absl::string_view id;           // "F01"... (the fault that it stops), "schema", ...
  absl::string_view title;        // one line, without a full stop
  absl::string_view explanation;  // why it matters and what is checked; a few sentences
  absl::string_view example;      // YAML that breaks it, and what to write instead
  Stage stage = Stage::kValidate;
  Override allow = Override::kRefused;
  // Null where the finding comes from reading the file (control/config) or from another stage.
  void (*check)(RuleContext&) = nullptr;
};

// "validate", "plan", "construction", "node", "traffic"
absl::string_view Name(Rule::Stage stage);

// Every rule, in the order of the catalogue; the table lives as long as the program.
absl::Span<const Rule> Rules();

// Null for an id that is not known.
const Rule* FindRule(absl::string_view id);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_RULE_H_
