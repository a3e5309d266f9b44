#include "tools/evenkeel/change_report.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

Ink InkOf(const std::string& state) {
  if (state == "confirmed") return Ink::kGood;
  return state == "trial" ? Ink::kDoubtful : Ink::kBad;
}

std::string Sentence(const v1::ApplyReply& reply, bool color) {
  const v1::ApplyResult& result = reply.result();
  const bool trial = result.state() == "trial";
  const std::string state = trial                             ? "on trial"
                            : result.state() == "rolled_back" ? "rolled back"
                                                              : result.state();
  std::string text = absl::StrCat("revision ", result.revision(), " is ",
                                  Paint(Printable(state), InkOf(result.state()), color),
                                  ", generation ", result.generation());
  if (trial && result.has_confirm_deadline()) {
    absl::StrAppend(&text, ", until ", Printable(result.confirm_deadline()));
    if (reply.has_seconds_left()) {
      const absl::Duration left = absl::Seconds(std::ceil(reply.seconds_left()));
      absl::StrAppend(&text, " (", absl::FormatDuration(left), " from now)");
    }
  }
  if (trial) absl::StrAppend(&text, CanaryWords(result));
  if (result.has_reason()) absl::StrAppend(&text, ": ", Printable(result.reason()));
  return text + "\n";
}

constexpr char kNext[] =
    "  keep it  evenkeel confirm\n"
    "  undo it  evenkeel rollback\n"
    "  neither  the planes go back by themselves when that time has come\n";

}  // namespace

std::string CanaryWords(const v1::ApplyResult& result) {
  if (!result.has_canary()) return "";
  const v1::Canary& canary = result.canary();
  std::string words = absl::StrCat(", on ", canary.percent(), "% of the slots");
  std::vector<std::string> next;
  for (const int percent : canary.stages()) {
    if (percent > canary.percent()) next.push_back(absl::StrCat(percent, "%"));
  }
  if (!next.empty()) absl::StrAppend(&words, ", then by itself on ", absl::StrJoin(next, ", "));
  return words;
}

ExitStatus ReportChange(const v1::ApplyReply& reply, const std::optional<Failure>& failure,
                        const ChangeContext& context, Console& console) {
  const std::string file = context.file.empty() ? "the running revision" : context.file;
  const std::vector<Finding> findings = FromReply(reply.findings());
  if (failure && context.file.empty() && findings.empty()) return console.Fail(*failure);
  if (failure) return FailWithFindings(file, findings, *failure, console);
  if (!reply.has_result()) {
    return console.Fail({ExitStatus::kRefused, "internal", "evenkeeld answered without a result",
                         "whether it was done is not known: ask evenkeel status"});
  }
  // Warnings belong to the person at the terminal; the object is the interface's.
  console.err() << RenderFindings(file, findings, console.error_color());
  const std::string& state = reply.result().state();
  if (console.json()) {
    console.PrintJson(ToJson(reply.result()));
  } else {
    console.out() << Sentence(reply, console.terminal().color);
    if (state == "trial") console.out() << kNext;
  }
  return state == "rolled_back" ? context.rolled_back : ExitStatus::kDone;
}

}  // namespace evenkeel::cli
