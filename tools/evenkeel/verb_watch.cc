// evenkeel watch: traffic against the tables, alarms and the trial, live.
#include <nlohmann/json.hpp>

#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/live_look.h"
#include "tools/evenkeel/watch_view.h"

namespace evenkeel::cli {

ExitStatus RunWatch(const Arguments& arguments, Console& console) {
  return RunLive(arguments, console,
                 {.line = WatchToJson,
                  .screen = [&](const TopSample* before, const TopSample& now,
                                const std::string& notice, TerminalSize size) {
                    return RenderWatch(before, now, notice, size, console.terminal());
                  }});
}

}  // namespace evenkeel::cli
