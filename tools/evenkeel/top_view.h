// A frame of `evenkeel top` as the lines of a terminal.
#ifndef TOOLS_EVENKEEL_TOP_VIEW_H_
#define TOOLS_EVENKEEL_TOP_VIEW_H_

#include <string>
#include <vector>

#include "tools/evenkeel/terminal.h"
#include "tools/evenkeel/top_frame.h"

namespace evenkeel::cli {

// At most size.rows lines of at most size.columns columns, painted where the terminal has colours.
// Where it is narrow, columns of the table go, the least telling first; where it is low, the
// backends that are nearest to their share. `notice` is a line about ourselves, such as that the
// daemon is silent; it may be empty.
std::vector<std::string> RenderTop(const TopFrame& frame, const std::string& notice,
                                   TerminalSize size, const Terminal& terminal);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TOP_VIEW_H_
