#include "tools/evenkeel/flagfile.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace evenkeel::cli {

absl::StatusOr<std::vector<FlagfileLine>> ReadFlagfile(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::vector<FlagfileLine> lines;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    const absl::string_view flag = absl::StripAsciiWhitespace(text);
    if (!flag.empty() && flag[0] != '#') lines.push_back({number, std::string(flag)});
  }
  // A directory opens, and fails at the first read.
  if (!file.is_open() || file.bad() || errno == EISDIR) {
    return absl::UnavailableError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  return lines;
}

}  // namespace evenkeel::cli
