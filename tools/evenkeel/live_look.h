// The loop of verbs that look again and again: in place on a terminal, else one JSON object a line.
//
//   return RunLive(arguments, console, {.line = ..., .screen = ...});
#ifndef TOOLS_EVENKEEL_LIVE_LOOK_H_
#define TOOLS_EVENKEEL_LIVE_LOOK_H_

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/terminal.h"
#include "tools/evenkeel/top_frame.h"

namespace evenkeel::cli {

struct LiveView {
  std::function<nlohmann::ordered_json(const TopSample& before, const TopSample& now)> line;
  // `before` is null for the first look. `notice`: a line about ourselves; may be empty.
  std::function<std::vector<std::string>(const TopSample* before, const TopSample& now,
                                         const std::string& notice, TerminalSize size)>
      screen;
};

// With the flags --interval and --count.
ExitStatus RunLive(const Arguments& arguments, Console& console, const LiveView& view);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_LIVE_LOOK_H_
