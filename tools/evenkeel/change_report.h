// How a change went, for whoever asked for it: shared by apply, confirm, rollback, drain, undrain.
//
//   v1::ApplyReply reply;
//   const auto failure = client.Call(request, reply);
//   return ReportChange(reply, failure, {.file = path}, console);
#ifndef TOOLS_EVENKEEL_CHANGE_REPORT_H_
#define TOOLS_EVENKEEL_CHANGE_REPORT_H_

#include <optional>
#include <string>

#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

struct ChangeContext {
  std::string file;  // that findings are about; empty: the running configuration
  // What it means that the result is `rolled_back`: kRolledBack, or kDone where that was asked for.
  ExitStatus rolled_back = ExitStatus::kRolledBack;
};

// While it has a slice of the slots: how large it is and what follows, as the end of a sentence.
std::string CanaryWords(const v1::ApplyResult& result);

// Prints result, findings, and while a trial runs what to do next; or the refusal with its
// findings.
ExitStatus ReportChange(const v1::ApplyReply& reply, const std::optional<Failure>& failure,
                        const ChangeContext& context, Console& console);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CHANGE_REPORT_H_
