#include "tools/evenkeel-decap/flag_words.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/evenkeel/flagfile.h"

namespace evenkeel::decap {
namespace {

constexpr int kDepthMax = 8;

// Whether `word` is --flagfile or --flagfile=PATH; `rest` is then "" or "=PATH".
bool IsFlagfile(absl::string_view word, absl::string_view* rest) {
  *rest = word;
  return (absl::ConsumePrefix(rest, "--flagfile") || absl::ConsumePrefix(rest, "-flagfile")) &&
         (rest->empty() || rest->front() == '=');
}

absl::Status Append(const std::string& path, int depth, std::vector<std::string>& words) {
  if (depth > kDepthMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("--flagfile=", path, ": flag files name each other without end"));
  }
  auto lines = cli::ReadFlagfile(path);
  if (!lines.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--flagfile: ", lines.status().message()));
  }
  for (cli::FlagfileLine& line : *lines) {
    absl::string_view rest;
    if (IsFlagfile(line.flag, &rest) && !rest.empty()) {
      absl::Status nested = Append(std::string(rest.substr(1)), depth + 1, words);
      if (!nested.ok()) return nested;
      continue;
    }
    if (!absl::StartsWith(line.flag, "-") || IsFlagfile(line.flag, &rest)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", line.line, ": \"", line.flag, "\": a line is --NAME=VALUE"));
    }
    words.push_back(std::move(line.flag));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WithFlagfiles(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view rest;
    if (i == 0 || !IsFlagfile(words[i], &rest)) {
      all.push_back(words[i]);
      continue;
    }
    if (rest.empty() && i + 1 == words.size()) {
      return absl::InvalidArgumentError("--flagfile needs a path");
    }
    const std::string path = rest.empty() ? words[++i] : std::string(rest.substr(1));
    if (absl::Status s = Append(path, 1, all); !s.ok()) return s;
  }
  return all;
}

}  // namespace evenkeel::decap
