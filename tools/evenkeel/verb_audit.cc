// evenkeel audit: whether what was intended is what runs, and whether the log is whole.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {

ExitStatus RunAudit(const Arguments& arguments, Console& console) {
  Client client(arguments.socket, arguments.timeout);
  v1::AuditReply reply;
  if (auto failure = client.Call(v1::AuditRequest(), reply)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(reply));
  } else {
    const bool color = console.terminal().color;
    const std::vector<Finding> findings = FromReply(reply.findings());
    console.out() << RenderFindings("audit", findings, color)
                  << Paint(reply.ok() ? "OK" : "NOT OK", reply.ok() ? Ink::kGood : Ink::kBad, color)
                  << "  " << CountFindings(findings) << "; the log has "
                  << absl::StrCat(reply.chain().entries()) << " entries, its head is "
                  << Printable(reply.chain().head()) << "\n";
  }
  return reply.ok() ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
