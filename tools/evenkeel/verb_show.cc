// evenkeel show: the file of a revision, byte for byte, to look at or to apply again.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/revision_operand.h"

namespace evenkeel::cli {
namespace {

void PrintObject(const v1::ShowReply& reply, Console& console) {
  nlohmann::ordered_json object = ToJson(reply.revision());
  object["content"] = reply.content();
  object["drains"] = ReplyToJson(reply)["drains"];
  console.PrintJson(object);
}

// What is not part of the file goes to the other stream: the file can be piped on.
void PrintNotes(const v1::ShowReply& reply, Console& console) {
  for (const v1::Drain& drain : reply.drains()) {
    console.err() << "evenkeel: beside the file "
                  << Printable(absl::StrCat(drain.pool(), "/", drain.backend(),
                                            " was drained: ", drain.reason()))
                  << "\n";
  }
}

}  // namespace

ExitStatus RunShow(const Arguments& arguments, Console& console) {
  const std::variant<int64_t, Failure> revision = ParseRevision("show", arguments.operands[0]);
  if (const auto* failure = std::get_if<Failure>(&revision)) return console.Fail(*failure);
  v1::ShowRequest request;
  request.set_revision(std::get<int64_t>(revision));
  Client client(arguments.socket, arguments.timeout);
  v1::ShowReply reply;
  if (auto failure = client.Call(request, reply)) return console.Fail(*failure);
  if (console.json()) {
    PrintObject(reply, console);
    return ExitStatus::kDone;
  }
  PrintNotes(reply, console);
  console.out() << reply.content();
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
