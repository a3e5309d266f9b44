// evenkeel confirm: ends the trial and keeps what it tried.
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/change_report.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"

namespace evenkeel::cli {

ExitStatus RunConfirm(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::ApplyReply reply;
  const std::optional<Failure> failure = client.Call(v1::ConfirmRequest(), reply);
  return ReportChange(reply, failure, {}, console);
}

}  // namespace evenkeel::cli
