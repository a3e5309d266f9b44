#include "tools/evenkeel/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>

namespace evenkeel::cli {
namespace {

// no-color.org: present and not empty.
bool ColorIsUnwanted() {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return true;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

}  // namespace

Terminal DescribeTerminal(int fd) {
  std::setlocale(LC_CTYPE, "");
  const bool interactive = isatty(fd) == 1;
  return Terminal{.interactive = interactive,
                  .color = interactive && !ColorIsUnwanted(),
                  .unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0};
}

TerminalSize CurrentSize(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return TerminalSize{.columns = size.ws_col, .rows = size.ws_row};
}

}  // namespace evenkeel::cli
