// evenkeel rules: what validate checks, and each rule explained with an example.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/config/suggest.h"
#include "control/validate/rule.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

using Json = nlohmann::ordered_json;

// Lines of at most 80 columns.
std::string Wrapped(absl::string_view text) {
  std::string out;
  size_t column = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const bool fits = column + 1 + word.size() <= 80;
    absl::StrAppend(&out, column == 0 ? "" : fits ? " " : "\n", word);
    column = column != 0 && fits ? column + 1 + word.size() : word.size();
  }
  return out;
}

bool Overridable(const Rule& rule) { return rule.allow == Rule::Override::kAllowed; }

// Who stops it, as the last line of its explanation.
absl::string_view HowItIsStopped(const Rule& rule) {
  switch (rule.stage) {
    case Rule::Stage::kConstruction:
      return "It cannot happen here, so nothing is checked.";
    case Rule::Stage::kNode:
      return "No file shows it: see `evenkeel doctor` on the node.";
    case Rule::Stage::kTraffic:
      return "No file shows it: it is seen in the traffic.";
    case Rule::Stage::kValidate:
    case Rule::Stage::kPlan:
      break;
  }
  return Overridable(rule) ? "safety.allow can let it pass, for a place and until a time."
                           : "It cannot be overridden.";
}

Json RuleToJson(const Rule& rule) {
  Json object;
  object["rule"] = std::string(rule.id);
  object["title"] = std::string(rule.title);
  object["explanation"] = std::string(rule.explanation);
  object["example"] = std::string(rule.example);
  object["stage"] = std::string(Name(rule.stage));
  object["overridable"] = Overridable(rule);
  return object;
}

ExitStatus List(Console& console) {
  if (console.json()) {
    Json object;
    object["rules"] = Json::array();
    for (const Rule& rule : Rules()) object["rules"].push_back(RuleToJson(rule));
    console.PrintJson(object);
    return ExitStatus::kDone;
  }
  Table table({{"RULE"}, {"STAGE"}, {"FAULT"}});
  for (const Rule& rule : Rules()) {
    table.Add({Cell(std::string(rule.id), Ink::kStrong), std::string(Name(rule.stage)),
               std::string(rule.title)});
  }
  console.out()
      << table.Render(console.terminal().color)
      << "\nvalidate: refused or warned of from the file alone · plan: from what a change "
         "does to what runs\nconstruction: cannot happen here · node, traffic: seen by "
         "doctor and by the watch\nevenkeel rules ID explains one, with an example\n";
  return ExitStatus::kDone;
}

ExitStatus Explain(const Rule& rule, Console& console) {
  if (console.json()) {
    console.PrintJson(RuleToJson(rule));
    return ExitStatus::kDone;
  }
  const bool color = console.terminal().color;
  console.out() << Paint(std::string(rule.id), Ink::kStrong, color) << ": " << rule.title << "\n\n"
                << Wrapped(rule.explanation) << "\n\n";
  for (const absl::string_view line :
       absl::StrSplit(absl::StripAsciiWhitespace(rule.example), '\n')) {
    console.out() << (line.empty() ? "" : "    ") << line << "\n";
  }
  console.out() << "\n" << HowItIsStopped(rule) << "\n";
  return ExitStatus::kDone;
}

Failure Unknown(const std::string& id) {
  std::vector<absl::string_view> known;
  for (const Rule& rule : Rules()) known.push_back(rule.id);
  const absl::string_view nearest = NearestWord(id, known);
  return UsageFailure(
      absl::StrCat("unknown rule \"", id, "\""),
      nearest.empty() ? "evenkeel rules lists them" : absl::StrCat("did you mean ", nearest, "?"));
}

}  // namespace

ExitStatus RunRules(const Arguments& arguments, Console& console) {
  if (arguments.operands.empty()) return List(console);
  const std::string& id = arguments.operands[0];
  const Rule* rule = FindRule(id);
  if (rule == nullptr) rule = FindRule(absl::AsciiStrToUpper(id));
  return rule != nullptr ? Explain(*rule, console) : console.Fail(Unknown(id));
}

}  // namespace evenkeel::cli
