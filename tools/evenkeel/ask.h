// A verb that asks evenkeeld one thing and shows the answer: as JSON, or in words.
#ifndef TOOLS_EVENKEEL_ASK_H_
#define TOOLS_EVENKEEL_ASK_H_

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"

namespace evenkeel::cli {

template <typename Reply, typename Request>
ExitStatus AskAndShow(const Arguments& arguments, Console& console, const Request& request,
                      std::string (*render)(const Reply& reply, bool color)) {
  Client client(arguments.socket, arguments.timeout);
  Reply reply;
  if (auto failure = client.Call(request, reply)) return console.Fail(*failure);
  if (console.json()) {
    console.PrintJson(ReplyToJson(reply));
  } else {
    console.out() << render(reply, console.terminal().color);
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_ASK_H_
