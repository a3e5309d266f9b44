// evenkeel apply: hands a file to evenkeeld, which judges it and publishes it, on trial unless told
// otherwise.
#include <ostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "control/config/parse.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/change_report.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/override_flag.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/trial_wait.h"

namespace evenkeel::cli {
namespace {

// As in safety.confirm_within.
constexpr absl::Duration kTrialMin = absl::Seconds(30);
constexpr absl::Duration kTrialMax = absl::Hours(1);
// As evenkeeld holds it.
constexpr int kCanaryMin = 1;
constexpr int kCanaryMax = 50;

std::optional<Failure> ReadConfirm(const Arguments& arguments, v1::ApplyRequest& request) {
  if (arguments.Has("confirm")) request.set_confirm(arguments.Get("confirm").text);
  const std::string& confirm = request.confirm();
  if (!confirm.empty() && confirm != "now" && confirm != "auto") {
    return UsageFailure(absl::StrCat("--confirm=", Printable(confirm), " is malformed"),
                        "write --confirm=now to publish at once without a trial, --confirm=auto "
                        "to have the trial confirmed by what it shows, or leave it out");
  }
  if (!arguments.Has("confirm-within")) return std::nullopt;
  const FlagValue& within = arguments.Get("confirm-within");
  if (within.duration < kTrialMin || within.duration > kTrialMax) {
    return UsageFailure(absl::StrCat("--confirm-within=", within.text, " is out of bounds"),
                        "write a duration from 30s to 1h");
  }
  if (confirm == "now") {
    return UsageFailure("--confirm=now has no trial that --confirm-within could end",
                        "give one of the two");
  }
  request.set_confirm_within(absl::ToDoubleSeconds(within.duration));
  return std::nullopt;
}

std::optional<Failure> ReadCanary(const Arguments& arguments, v1::ApplyRequest& request) {
  if (!arguments.Has("canary")) return std::nullopt;
  const std::string& text = arguments.Get("canary").text;
  int percent = 0;
  const bool is_read = absl::EndsWith(text, "%") &&
                       absl::SimpleAtoi(absl::StripSuffix(text, "%"), &percent) &&
                       absl::StrCat(percent, "%") == text;
  if (!is_read || percent < kCanaryMin || percent > kCanaryMax) {
    return UsageFailure(absl::StrCat("--canary=", Printable(text), " is malformed"),
                        absl::StrCat("write a whole percentage from ", kCanaryMin, "% to ",
                                     kCanaryMax, "%, as --canary=5%"));
  }
  if (request.confirm() == "now") {
    return UsageFailure("--confirm=now has no trial that --canary could begin",
                        "give one of the two");
  }
  request.set_canary_percent(percent);
  return std::nullopt;
}

std::optional<Failure> ReadFlags(const Arguments& arguments, v1::ApplyRequest& request) {
  request.set_reason(arguments.Get("reason").text);
  if (arguments.Has("base")) request.set_base_revision(arguments.Get("base").whole);
  if (arguments.Has("plan")) request.set_plan_digest(arguments.Get("plan").text);
  if (arguments.Has("again")) request.set_again(arguments.Get("again").text);
  for (const FlagValue& value : arguments.All("allow")) {
    std::variant<v1::Override, Failure> allow = ParseOverride(value.text);
    if (auto* failure = std::get_if<Failure>(&allow)) return *std::move(failure);
    *request.add_allow() = std::get<v1::Override>(std::move(allow));
  }
  if (auto failure = ReadConfirm(arguments, request)) return failure;
  return ReadCanary(arguments, request);
}

}  // namespace

ExitStatus RunApply(const Arguments& arguments, Console& console) {
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(arguments.operands[0]);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  ConfigFile& file = std::get<ConfigFile>(opened);
  v1::ApplyRequest request;
  if (auto failure = ReadFlags(arguments, request)) return console.Fail(*failure);
  if (file.text.size() > kConfigBytesMax) {
    return console.Fail({ExitStatus::kRefused, "invalid",
                         absl::StrCat(file.path, " is larger than ", kConfigBytesMax, " bytes"),
                         "a configuration has at most 16 MiB"});
  }
  request.set_content(std::move(file.text));
  request.set_file(file.path);

  Client client(arguments.socket, arguments.timeout);
  v1::ApplyReply reply;
  std::optional<Failure> failure = client.Call(request, reply);
  const bool waits = arguments.IsOn("wait") || request.confirm() == "auto";
  if (!failure && waits && reply.result().state() == "trial") {
    console.err() << "evenkeel: revision " << reply.result().revision() << " is on trial until "
                  << Printable(reply.result().confirm_deadline()) << CanaryWords(reply.result())
                  << "; waiting for its end (evenkeel confirm, evenkeel rollback)\n"
                  << std::flush;
    failure = AwaitTrialEnd(arguments, kWaitMargin, reply);
  }
  return ReportChange(reply, failure, {.file = arguments.operands[0]}, console);
}

}  // namespace evenkeel::cli
