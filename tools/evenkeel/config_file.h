// Reads the FILE of a verb.
#ifndef TOOLS_EVENKEEL_CONFIG_FILE_H_
#define TOOLS_EVENKEEL_CONFIG_FILE_H_

#include <string>
#include <variant>

#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

struct ConfigFile {
  std::string path;  // absolute
  std::string text;  // byte for byte; cut at one byte more than a configuration may have
};

// A file that cannot be opened makes the call wrong: status 2.
std::variant<ConfigFile, Failure> OpenConfigFile(const std::string& path);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CONFIG_FILE_H_
