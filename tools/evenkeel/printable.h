// Text from elsewhere (a file, a daemon, the command line) made safe for a terminal.
#ifndef TOOLS_EVENKEEL_PRINTABLE_H_
#define TOOLS_EVENKEEL_PRINTABLE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace evenkeel::cli {

// Control characters become \n, \t or \xNN, bytes that are not UTF-8 become \xNN: one line, and no
// escape sequence gets through to the terminal.
std::string Printable(absl::string_view text);

// Columns on a terminal, taking one for each code point; `text` is valid UTF-8.
size_t DisplayWidth(absl::string_view text);

// The first `width` columns of `text`; where something is cut, `~` stands last.
std::string Truncated(absl::string_view text, size_t width);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_PRINTABLE_H_
