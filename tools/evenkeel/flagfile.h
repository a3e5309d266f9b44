// --flagfile=PATH: flags kept in a file, one a line, in the form that gflags reads too.
#ifndef TOOLS_EVENKEEL_FLAGFILE_H_
#define TOOLS_EVENKEEL_FLAGFILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace evenkeel::cli {

struct FlagfileLine {
  int line;          // from 1
  std::string flag;  // "--socket=/run/x.sock", without spaces around it
};

// Empty lines and those that begin with # are left out. The error says path and reason.
absl::StatusOr<std::vector<FlagfileLine>> ReadFlagfile(const std::string& path);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_FLAGFILE_H_
