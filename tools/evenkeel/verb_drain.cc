// evenkeel drain, evenkeel undrain: takes new connections off a backend, and gives them back.
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/change_report.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

struct Target {
  std::string pool;
  std::string backend;
};

std::variant<Target, Failure> ParseTarget(const std::string& verb, const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  if (parts.size() == 2 && !parts[0].empty() && !parts[1].empty())
    return Target{parts[0], parts[1]};
  return UsageFailure(absl::StrCat(verb, ": ", Printable(text), " names no backend"),
                      "write POOL/BACKEND, for example web/web-1; evenkeel backends lists them");
}

template <typename Request>
ExitStatus Ask(const Arguments& arguments, const Target& target, Request& request,
               Console& console) {
  request.set_pool(target.pool);
  request.set_backend(target.backend);
  request.set_reason(arguments.Get("reason").text);
  Client client(arguments.socket, arguments.timeout);
  v1::ApplyReply reply;
  const std::optional<Failure> failure = client.Call(request, reply);
  return ReportChange(reply, failure, {}, console);
}

}  // namespace

ExitStatus RunDrain(const Arguments& arguments, Console& console) {
  const std::variant<Target, Failure> target = ParseTarget("drain", arguments.operands[0]);
  if (const auto* failure = std::get_if<Failure>(&target)) return console.Fail(*failure);
  v1::DrainRequest request;
  if (arguments.Has("until")) request.set_until(arguments.Get("until").text);
  request.set_force(arguments.IsOn("force"));
  return Ask(arguments, std::get<Target>(target), request, console);
}

ExitStatus RunUndrain(const Arguments& arguments, Console& console) {
  const std::variant<Target, Failure> target = ParseTarget("undrain", arguments.operands[0]);
  if (const auto* failure = std::get_if<Failure>(&target)) return console.Fail(*failure);
  v1::UndrainRequest request;
  return Ask(arguments, std::get<Target>(target), request, console);
}

}  // namespace evenkeel::cli
