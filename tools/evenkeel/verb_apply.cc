// evenkeel apply: hands a file to evenkeeld, which judges it and publishes it.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

std::optional<Failure> CheckConfirm(const Arguments& arguments) {
  if (!arguments.Has("confirm")) {
    return Failure{ExitStatus::kRefused, "refused",
                   "trials are not built in this version, so nothing was applied",
                   "--confirm=now publishes at once, without a trial"};
  }
  const std::string& confirm = arguments.Get("confirm").text;
  if (confirm == "now") return std::nullopt;
  if (confirm == "auto") return NotBuilt("--confirm=auto of apply");
  return UsageFailure(absl::StrCat("--confirm=", confirm, " is malformed"),
                      "write --confirm=now to publish at once");
}

ExitStatus Refused(const std::string& file, const Failure& failure,
                   const std::vector<Finding>& findings, Console& console) {
  if (!console.json()) {
    console.err() << RenderFindings(file, findings, console.error_color());
    return console.Fail(failure);
  }
  nlohmann::ordered_json object = ToJson(failure);
  object["findings"] = ToJson(findings);
  console.PrintJson(object);
  return failure.exit;
}

std::string Sentence(const v1::ApplyResult& result) {
  std::string text = absl::StrCat("revision ", result.revision(), " is ", result.state(),
                                  ", generation ", result.generation());
  if (result.has_reason()) absl::StrAppend(&text, ": ", result.reason());
  return Printable(text);
}

}  // namespace

ExitStatus RunApply(const Arguments& arguments, Console& console) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(arguments.operands[0]);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  ConfigFile& file = std::get<ConfigFile>(opened);
  if (auto failure = CheckConfirm(arguments)) return console.Fail(*failure);
  if (file.text.size() > kConfigBytesMax) {
    return console.Fail({ExitStatus::kRefused, "invalid",
                         absl::StrCat(file.path, " is larger than ", kConfigBytesMax, " bytes"),
                         "a configuration has at most 16 MiB"});
  }

  v1::ApplyRequest request;
  request.set_content(std::move(file.text));
  request.set_file(file.path);
  request.set_reason(arguments.Get("reason").text);
  request.set_confirm(arguments.Get("confirm").text);
  if (arguments.Has("base")) request.set_base_revision(arguments.Get("base").whole);

  Client client(arguments.socket, arguments.timeout);
  v1::ApplyReply reply;
  const std::optional<Failure> failure = client.Call(request, reply);
  const std::vector<Finding> findings = FromReply(reply.findings());
  if (failure) return Refused(arguments.operands[0], *failure, findings, console);
  if (!reply.has_result()) {
    return console.Fail({ExitStatus::kRefused, "internal", "evenkeeld answered without a result",
                         "whether it was applied is not known: ask evenkeel status"});
  }

  // Warnings belong to the person at the terminal; the object is the interface's.
  console.err() << RenderFindings(arguments.operands[0], findings, console.error_color());
  if (console.json()) {
    console.PrintJson(ToJson(reply.result()));
  } else {
    console.out() << Sentence(reply.result()) << "\n";
  }
  return reply.result().state() == "rolled_back" ? ExitStatus::kRolledBack : ExitStatus::kDone;
}

}  // namespace evenkeel::cli
