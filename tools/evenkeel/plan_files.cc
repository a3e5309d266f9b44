#include "tools/evenkeel/plan_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "control/validate/validate.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/json.h"

namespace evenkeel::cli {
namespace {

Failure Unusable(const std::string& path, const std::string& why) {
  return {ExitStatus::kRefused, "invalid",
          absl::StrCat("the base ", path, " cannot be used: ", why),
          absl::StrCat("evenkeel validate ", path, " lists what is wrong with it")};
}

}  // namespace

std::variant<Config, Failure> ReadBase(const std::string& path) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(path);
  if (auto* failure = std::get_if<Failure>(&opened)) return std::move(*failure);
  ParseResult parsed = ParseConfig(std::get<ConfigFile>(opened).text);
  if (!parsed.config) {
    const auto error =
        std::find_if(parsed.findings.begin(), parsed.findings.end(),
                     [](const Finding& f) { return f.severity == Severity::kError; });
    if (error == parsed.findings.end()) return Unusable(path, "it could not be read");
    return Unusable(path, absl::StrCat("line ", error->line, ": ", error->message));
  }
  for (const Service& service : parsed.config->services) {
    if (parsed.config->FindPool(service.pool) != nullptr) continue;
    return Unusable(path, absl::StrCat("service ", service.name, " names the pool ", service.pool,
                                       ", which does not exist"));
  }
  return *std::move(parsed.config);
}

std::variant<Config, ExitStatus> ReadCandidate(const std::string& path, Console& console) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(path);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  CheckResult checked = CheckConfig(std::get<ConfigFile>(opened).text, ValidateOptions());
  if (checked.config) return *std::move(checked.config);
  const Failure failure{ExitStatus::kRefused, "invalid",
                        absl::StrCat(path, " is not valid: ", CountFindings(checked.findings)),
                        "mend it first; evenkeel validate lists the same"};
  return FailWithFindings(path, checked.findings, failure, console);
}

ExitStatus FailWithFindings(const std::string& path, const std::vector<Finding>& findings,
                            const Failure& failure, Console& console) {
  if (!console.json()) {
    console.err() << RenderFindings(path, findings, console.error_color());
    return console.Fail(failure);
  }
  nlohmann::ordered_json object = ToJson(failure);
  object["findings"] = ToJson(findings);
  console.PrintJson(object);
  return failure.exit;
}

}  // namespace evenkeel::cli
