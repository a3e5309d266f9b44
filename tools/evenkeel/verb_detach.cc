// evenkeel detach: takes the XDP plane off every interface. A running evenkeeld does it, since it
// holds program and maps; without one the pins are removed here, and the kernel does the rest.
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/pins.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"

namespace evenkeel::cli {

ExitStatus RunDetach(const Arguments& arguments, Console& console) {
  std::vector<std::string> removed;
  v1::DetachReply reply;
  if (const auto failure =
          Client(arguments.socket, arguments.timeout).Call(v1::DetachRequest(), reply)) {
    if (failure->exit != ExitStatus::kNoDaemon) return console.Fail(*failure);
  }
  removed.assign(reply.removed().begin(), reply.removed().end());
  if (const absl::Status status = RemovePins(kPinRoot, &removed); !status.ok()) {
    return console.Fail({ExitStatus::kRefused,
                         absl::IsPermissionDenied(status) ? "permission" : "internal",
                         std::string(status.message()), "be root, in evenkeeld's mount namespace"});
  }
  if (console.json()) {
    nlohmann::ordered_json object;
    object["removed"] = removed;
    console.PrintJson(object);
  } else if (removed.empty()) {
    console.out() << "nothing was attached\n";
  } else {
    for (const std::string& path : removed) console.out() << "removed " << path << "\n";
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
