// evenkeel doctor: what no configuration file shows, looked for on this host.
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/doctor_checks.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

nlohmann::ordered_json ToJson(const DoctorReport& report) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const DoctorCheck& check : report.checks) {
    nlohmann::ordered_json object;
    object["rule"] = check.rule;
    object["state"] = check.state;
    object["message"] = check.message;
    object["hint"] = check.hint;
    checks.push_back(std::move(object));
  }
  nlohmann::ordered_json object;
  object["ok"] = report.ok();
  object["checks"] = std::move(checks);
  return object;
}

Ink InkOfCheck(const std::string& state) {
  if (state == "ok") return Ink::kGood;
  if (state == "error") return Ink::kBad;
  return state == "warning" ? Ink::kDoubtful : Ink::kFaint;
}

std::string Render(const DoctorReport& report, bool color) {
  Table table({{"RULE"}, {"STATE"}, {"FOUND"}, {"DO"}});
  for (const DoctorCheck& check : report.checks) {
    table.Add({check.rule, Cell(check.state, InkOfCheck(check.state)), check.message, check.hint});
  }
  return table.Render(color);
}

// What runs, as its file says it; nothing where no file does, or this version cannot read it.
std::optional<Failure> FetchRunning(Client& client, int64_t revision,
                                    std::optional<Config>& running) {
  if (revision == 0) return std::nullopt;
  v1::ShowRequest request;
  request.set_revision(revision);
  v1::ShowReply reply;
  if (auto failure = client.Call(request, reply)) return failure;
  running = ParseConfig(reply.content()).config;
  return std::nullopt;
}

}  // namespace

ExitStatus RunDoctor(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::StatusReply status;
  if (auto failure = client.Call(v1::StatusRequest(), status)) return console.Fail(*failure);
  std::optional<Config> running;
  if (auto failure = FetchRunning(client, status.revision(), running)) {
    return console.Fail(*failure);
  }
  const DoctorReport report = Examine(ReadHost(""), status, running ? &*running : nullptr);
  if (console.json()) {
    console.PrintJson(ToJson(report));
  } else {
    console.out() << Render(report, console.terminal().color);
  }
  return report.ok() ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
