// evenkeel plan: what a change would do, before it is done. Against what runs evenkeeld answers;
// against a file it is worked out here, by the same code.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "control/api/plan_message.h"
#include "control/config/parse.h"
#include "control/validate/validate.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/plan_view.h"

namespace evenkeel::cli {
namespace {

// Of --timeout; the rest is for the plan itself.
constexpr double kProbeShare = 0.8;

using Rates = std::map<std::string, double>;

struct Planned {
  v1::PlanReply reply;
  std::string base;  // what it was compared with; empty: nothing runs yet
};

// "web-https=12000,api=300"
std::optional<Rates> ParseRates(const std::string& text) {
  Rates rates;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> rate = absl::StrSplit(part, '=');
    const bool digits = !rate.second.empty() && rate.second.size() <= 10 &&
                        rate.second.find_first_not_of("0123456789") == absl::string_view::npos;
    if (rate.first.empty() || !digits) return std::nullopt;
    if (!rates.emplace(rate.first, std::stod(std::string(rate.second))).second) return std::nullopt;
  }
  return rates;
}

std::optional<Failure> ReadRates(const Arguments& arguments, Rates& rates) {
  if (!arguments.Has("new-flows")) return std::nullopt;
  const std::string& text = arguments.Get("new-flows").text;
  if (std::optional<Rates> parsed = ParseRates(text)) {
    rates = *std::move(parsed);
    return std::nullopt;
  }
  return UsageFailure(absl::StrCat("--new-flows=", text, " is malformed"),
                      "write SERVICE=N,SERVICE=N with plain numbers of new flows a second");
}

// A plan without a digest tells of no services.
std::optional<Failure> CheckServices(const Rates& rates, const v1::PlanReply& plan) {
  if (!plan.has_digest()) return std::nullopt;
  for (const auto& [name, rate] : rates) {
    const auto named = [&name = name](const v1::PlanService& s) { return s.service() == name; };
    if (std::any_of(plan.services().begin(), plan.services().end(), named)) continue;
    const auto& removed = plan.services_removed();
    if (std::find(removed.begin(), removed.end(), name) != removed.end()) continue;
    return UsageFailure(absl::StrCat("--new-flows names ", name, ", which is no service"),
                        "write the names of services: --new-flows=SERVICE=N,SERVICE=N");
  }
  return std::nullopt;
}

std::variant<Planned, Failure> PlanAgainstFile(const std::string& text, const std::string& base,
                                               const Rates& rates) {
  const std::variant<Config, Failure> running = ReadBase(base);
  if (const auto* failure = std::get_if<Failure>(&running)) return *failure;
  PlanInputs inputs{.now = absl::Now(), .new_flows = rates};
  CheckResult checked = CheckConfig(text, ValidateOptions{.now = inputs.now});
  if (!checked.config) return Planned{RefusedPlan(checked.findings), base};
  inputs.validation = std::move(checked.findings);
  const absl::StatusOr<Plan> plan = MakePlan(&std::get<Config>(running), *checked.config, inputs);
  if (plan.ok()) return Planned{ToMessage(*plan), base};
  return Failure{ExitStatus::kRefused, "invalid", std::string(plan.status().message()),
                 "evenkeel validate says more"};
}

std::variant<Planned, Failure> PlanAgainstRunning(const Arguments& arguments, ConfigFile file,
                                                  const Rates& rates) {
  if (file.text.size() > kConfigBytesMax) {
    return Failure{ExitStatus::kRefused, "invalid",
                   absl::StrCat(file.path, " is larger than ", kConfigBytesMax, " bytes"),
                   "a configuration has at most 16 MiB"};
  }
  v1::PlanRequest request;
  request.set_content(std::move(file.text));
  request.set_file(file.path);
  for (const auto& [service, rate] : rates) (*request.mutable_new_flows())[service] = rate;
  if (arguments.Has("probe")) {
    request.set_probe_seconds(absl::ToDoubleSeconds(arguments.timeout) * kProbeShare);
  }
  Client client(arguments.socket, arguments.timeout);
  Planned planned;
  if (auto failure = client.Call(request, planned.reply)) return *std::move(failure);
  if (const int64_t base = planned.reply.base_revision(); base != 0) {
    planned.base = absl::StrCat("revision ", base);
  }
  return planned;
}

}  // namespace

ExitStatus RunPlan(const Arguments& arguments, Console& console) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(arguments.operands[0]);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  ConfigFile& file = std::get<ConfigFile>(opened);
  if (arguments.Has("probe") && arguments.Has("base")) {
    return console.Fail(UsageFailure("--probe and --base do not go together",
                                     "evenkeeld tries the checks, from where it forwards: leave "
                                     "out --base"));
  }
  Rates rates;
  if (auto failure = ReadRates(arguments, rates)) return console.Fail(*failure);
  const std::variant<Planned, Failure> made =
      arguments.Has("base") ? PlanAgainstFile(file.text, arguments.Get("base").text, rates)
                            : PlanAgainstRunning(arguments, std::move(file), rates);
  if (const auto* failure = std::get_if<Failure>(&made)) return console.Fail(*failure);
  const auto& [plan, base] = std::get<Planned>(made);
  if (auto failure = CheckServices(rates, plan)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(plan));
  } else {
    console.out() << RenderPlan(plan, arguments.operands[0], base, console.terminal());
  }
  return plan.verdict() == "allow" ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
