// evenkeel rollback: ends the trial and goes back, or makes an earlier revision the running one.
#include "absl/strings/str_cat.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/change_report.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"

namespace evenkeel::cli {

ExitStatus RunRollback(const Arguments& arguments, Console& console) {
  v1::RollbackRequest request;
  ChangeContext context{.rolled_back = ExitStatus::kDone};
  if (arguments.Has("to")) {
    const int64_t to = arguments.Get("to").whole;
    if (to == 0) {
      return console.Fail(
          UsageFailure("--to=0 names no revision", "evenkeel history lists the revisions, from 1"));
    }
    request.set_to(to);
    context.file = absl::StrCat("revision ", to);
  }
  if (arguments.Has("reason")) request.set_reason(arguments.Get("reason").text);
  Client client(arguments.socket, arguments.timeout);
  v1::ApplyReply reply;
  const std::optional<Failure> failure = client.Call(request, reply);
  return ReportChange(reply, failure, context, console);
}

}  // namespace evenkeel::cli
