// evenkeel validate: every problem of a file, found here, by the code that evenkeeld judges it
// with.
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/validate/validate.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {

ExitStatus RunValidate(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands[0];
  const std::variant<ConfigFile, Failure> opened = OpenConfigFile(path);
  if (const auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);

  const std::vector<Finding> findings =
      CheckConfig(std::get<ConfigFile>(opened).text, ValidateOptions()).findings;
  const bool ok = !HasErrors(findings);
  if (console.json()) {
    nlohmann::ordered_json object;
    object["ok"] = ok;
    object["findings"] = ToJson(findings);
    console.PrintJson(object);
  } else {
    console.out() << RenderFindings(path, findings, console.terminal().color) << Printable(path)
                  << ": " << (ok ? "valid, " : "refused, ") << CountFindings(findings) << "\n";
  }
  return ok ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
