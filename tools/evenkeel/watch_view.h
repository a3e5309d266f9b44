// What `evenkeel watch` shows: how things stand, in words, and below it shares against the tables.
#ifndef TOOLS_EVENKEEL_WATCH_VIEW_H_
#define TOOLS_EVENKEEL_WATCH_VIEW_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/evenkeel/terminal.h"
#include "tools/evenkeel/top_frame.h"

namespace evenkeel::cli {

// {time, and all of `status`: revision, state, generation, planes, trial, alarms, notes, drains;
// then services: [{name, new_flows_per_second, backends: [{name, pool, state, share_expected,
// share_observed}]}]}
nlohmann::ordered_json WatchToJson(const TopSample& before, const TopSample& now);

// At most size.rows lines of at most size.columns columns: the trial with its seconds left, each
// alarm and note in full, and as much of `top` as there is room for. `before` is null for the first
// look; `notice` may be empty.
std::vector<std::string> RenderWatch(const TopSample* before, const TopSample& now,
                                     const std::string& notice, TerminalSize size,
                                     const Terminal& terminal);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_WATCH_VIEW_H_
