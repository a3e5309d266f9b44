#include "tools/evenkeel/config_file.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "control/config/parse.h"

namespace evenkeel::cli {

std::variant<ConfigFile, Failure> OpenConfigFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadConfigFile(path);
  if (!text.ok()) {
    return UsageFailure(std::string(text.status().message()), "name a file that you can read");
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return ConfigFile{.path = error ? path : absolute.lexically_normal().string(),
                    .text = *std::move(text)};
}

}  // namespace evenkeel::cli
