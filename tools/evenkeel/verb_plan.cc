// evenkeel plan: what a change would do, before it is done.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/api/plan_message.h"
#include "control/validate/validate.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/plan_view.h"

namespace evenkeel::cli {
namespace {

// "web-https=12000,api=300"
std::optional<std::map<std::string, double>> ParseRates(const std::string& text) {
  std::map<std::string, double> rates;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> rate = absl::StrSplit(part, '=');
    const bool digits = !rate.second.empty() && rate.second.size() <= 10 &&
                        rate.second.find_first_not_of("0123456789") == absl::string_view::npos;
    if (rate.first.empty() || !digits) return std::nullopt;
    if (!rates.emplace(rate.first, std::stod(std::string(rate.second))).second) return std::nullopt;
  }
  return rates;
}

std::optional<Failure> CheckServices(const std::map<std::string, double>& rates,
                                     const Config& candidate, const Config& base) {
  for (const auto& [name, rate] : rates) {
    const auto named = [&name = name](const Service& service) { return service.name == name; };
    if (std::any_of(candidate.services.begin(), candidate.services.end(), named)) continue;
    if (std::any_of(base.services.begin(), base.services.end(), named)) continue;
    return UsageFailure(absl::StrCat("--new-flows names ", name, ", which is no service"),
                        "write the names of services: --new-flows=SERVICE=N,SERVICE=N");
  }
  return std::nullopt;
}

}  // namespace

ExitStatus RunPlan(const Arguments& arguments, Console& console) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(arguments.operands[0]);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  if (!arguments.Has("base")) {
    return console.Fail(NotBuilt("plan against the running revision (without --base=FILE)"));
  }
  const std::string& base_name = arguments.Get("base").text;
  std::variant<Config, Failure> base = ReadBase(base_name);
  if (auto* failure = std::get_if<Failure>(&base)) return console.Fail(*failure);

  PlanInputs inputs;
  inputs.now = absl::Now();
  if (arguments.Has("new-flows")) {
    std::optional<std::map<std::string, double>> rates =
        ParseRates(arguments.Get("new-flows").text);
    if (!rates) {
      return console.Fail(UsageFailure(
          absl::StrCat("--new-flows=", arguments.Get("new-flows").text, " is malformed"),
          "write SERVICE=N,SERVICE=N with plain numbers of new flows a second"));
    }
    inputs.new_flows = *std::move(rates);
  }

  CheckResult checked =
      CheckConfig(std::get<ConfigFile>(opened).text, ValidateOptions{.now = inputs.now});
  v1::PlanReply reply = RefusedPlan(checked.findings);
  if (checked.config) {
    const Config& running = std::get<Config>(base);
    if (auto failure = CheckServices(inputs.new_flows, *checked.config, running)) {
      return console.Fail(*failure);
    }
    inputs.validation = std::move(checked.findings);
    const absl::StatusOr<Plan> plan = MakePlan(&running, *checked.config, inputs);
    if (!plan.ok()) {
      return console.Fail({ExitStatus::kRefused, "invalid", std::string(plan.status().message()),
                           "evenkeel validate says more"});
    }
    reply = ToMessage(*plan);
  }
  if (console.json()) {
    console.PrintJson(ReplyToJson(reply));
  } else {
    console.out() << RenderPlan(reply, arguments.operands[0], base_name, console.terminal());
  }
  return reply.verdict() == "allow" ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
