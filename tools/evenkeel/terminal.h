// What standard output is, and what can be shown on it.
#ifndef TOOLS_EVENKEEL_TERMINAL_H_
#define TOOLS_EVENKEEL_TERMINAL_H_

namespace evenkeel::cli {

struct Terminal {
  bool interactive = false;  // a terminal, not a file or a pipe
  bool color = false;        // a terminal, and the environment has no NO_COLOR and no dumb TERM
  bool unicode = false;      // the locale's encoding is UTF-8
};

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

// Sets the process's character type by the environment (LC_CTYPE); call once, from main.
Terminal DescribeTerminal(int fd);

// As of now: the window can change at any time. The default where the terminal does not say.
TerminalSize CurrentSize(int fd);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TERMINAL_H_
