#include "control/health/http_answer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace evenkeel {
namespace {

constexpr size_t kLineKept = 80;
constexpr size_t kPrintedMax = 40;

// Of "HTTP/1.1 200 OK"; nothing for other lines.
std::optional<uint32_t> StatusOf(absl::string_view line) {
  constexpr absl::string_view kVersion = "HTTP/1.";
  constexpr size_t kStatusAt = 9;
  if (!absl::StartsWith(line, kVersion) || line.size() < kStatusAt + 3 || line[8] != ' ') {
    return std::nullopt;
  }
  if (line.size() > kStatusAt + 3 && line[kStatusAt + 3] != ' ') return std::nullopt;
  uint32_t status = 0;
  for (const char c : line.substr(kStatusAt, 3)) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    status = status * 10 + static_cast<uint32_t>(c - '0');
  }
  return status >= 100 ? std::optional(status) : std::nullopt;
}

std::string NoHttp(absl::string_view line) {
  return absl::StrCat("the answer is no HTTP: \"", Printable(line), "\"");
}

}  // namespace

void HttpAnswer::Take(absl::string_view bytes) {
  for (const char c : bytes) {
    if (complete_ || fault_) return;
    if (++taken_ > kHeaderMax) {
      fault_ = absl::StrCat("its header is longer than ", kHeaderMax, " bytes");
      return;
    }
    if (c == '\n') {
      EndLine();
      continue;
    }
    if (line_.size() < kLineKept) line_.push_back(c);
    // Garbage may never end its line: judged as soon as enough of it is there to be shown.
    if (status_ == 0 && line_.size() == kPrintedMax && !absl::StartsWith(line_, "HTTP/1.")) {
      fault_ = NoHttp(line_);
    }
  }
}

void HttpAnswer::EndLine() {
  absl::string_view line = line_;
  absl::ConsumeSuffix(&line, "\r");
  if (status_ == 0) {
    const std::optional<uint32_t> status = StatusOf(line);
    if (status) {
      status_ = *status;
    } else {
      fault_ = NoHttp(line);
    }
  } else if (line.empty()) {
    complete_ = true;
  }
  line_.clear();
}

std::string Printable(absl::string_view text) {
  std::string printed;
  for (const char c : text.substr(0, kPrintedMax))
    printed.push_back(absl::ascii_isprint(c) ? c : '.');
  if (text.size() > kPrintedMax) absl::StrAppend(&printed, "...");
  return printed;
}

}  // namespace evenkeel
