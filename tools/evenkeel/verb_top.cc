// evenkeel top: every interval a look at all backends; on a terminal in place, else one object a
// line.
#include <nlohmann/json.hpp>

#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/live_look.h"
#include "tools/evenkeel/top_view.h"

namespace evenkeel::cli {

ExitStatus RunTop(const Arguments& arguments, Console& console) {
  return RunLive(arguments, console,
                 {.line = [](const TopSample& before,
                             const TopSample& now) { return ToJson(MakeTopFrame(&before, now)); },
                  .screen =
                      [&](const TopSample* before, const TopSample& now, const std::string& notice,
                          TerminalSize size) {
                        return RenderTop(MakeTopFrame(before, now), notice, size,
                                         console.terminal());
                      }});
}

}  // namespace evenkeel::cli
