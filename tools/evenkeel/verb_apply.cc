// evenkeel apply: hands a file to evenkeeld, which judges it and publishes it, on trial unless told
// otherwise.
#include <nlohmann/json.hpp>
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
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/override_flag.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/shadow_report.h"
#include "tools/evenkeel/trial_wait.h"

namespace evenkeel::cli {
namespace {

// As in safety.confirm_within.
constexpr absl::Duration kTrialMin = absl::Seconds(30);
constexpr absl::Duration kTrialMax = absl::Hours(1);
constexpr absl::Duration kShadowMin = absl::Seconds(5);
// As evenkeeld holds it.
constexpr int kCanaryMin = 1;
constexpr int kCanaryMax = 50;

std::optional<Failure> ReadConfirm(const Arguments& arguments, v1::ApplyRequest& request) {
  request.set_shadow(arguments.IsOn("shadow"));
  if (request.shadow() && arguments.Has("confirm")) {
    return UsageFailure("--shadow publishes nothing that --confirm could be about",
                        "give one of the two; --confirm-within says how long the shadow runs");
  }
  if (arguments.Has("confirm")) request.set_confirm(arguments.Get("confirm").text);
  const std::string& confirm = request.confirm();
  if (!confirm.empty() && confirm != "now" && confirm != "auto") {
    return UsageFailure(absl::StrCat("--confirm=", Printable(confirm), " is malformed"),
                        "write --confirm=now to publish at once without a trial, --confirm=auto "
                        "to have the trial confirmed by what it shows, or leave it out");
  }
  if (!arguments.Has("confirm-within")) return std::nullopt;
  const FlagValue& within = arguments.Get("confirm-within");
  const absl::Duration shortest = request.shadow() ? kShadowMin : kTrialMin;
  if (within.duration < shortest || within.duration > kTrialMax) {
    return UsageFailure(
        absl::StrCat("--confirm-within=", within.text, " is out of bounds"),
        request.shadow() ? "write a duration from 5s to 1h" : "write a duration from 30s to 1h");
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
  if (request.shadow()) {
    return UsageFailure("--shadow publishes nothing that --canary could begin with",
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

// Waits for its end: it is for the report that a shadow is begun.
ExitStatus ReportShadow(const Arguments& arguments, std::optional<Failure> failure,
                        v1::ApplyReply& reply, Console& console) {
  const std::string& file = arguments.operands[0];
  if (!failure) {
    console.err() << "evenkeel: the shadow of " << Printable(file) << " runs for "
                  << absl::FormatDuration(absl::Seconds(reply.shadow().seconds_left()))
                  << " beside revision " << reply.shadow().base_revision()
                  << "; nothing is forwarded by it\n"
                  << std::flush;
    failure = AwaitShadowEnd(arguments, reply);
  }
  if (failure) return FailWithFindings(file, FromReply(reply.findings()), *failure, console);
  console.err() << RenderFindings(file, FromReply(reply.findings()), console.error_color());
  if (console.json()) {
    nlohmann::ordered_json object = ToJson(reply.result());
    object["shadow"] = ToJson(reply.shadow());
    console.PrintJson(object);
  } else {
    console.out() << RenderShadow(reply.shadow(), console.terminal().color);
  }
  return ExitStatus::kDone;
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
  if (request.shadow()) return ReportShadow(arguments, failure, reply, console);
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
