// The header of an HTTP/1 answer, read as it comes: its status, and where it ends. Keeps 80 bytes,
// whatever arrives.
//
//   HttpAnswer answer;
//   while (!answer.complete() && !answer.fault()) answer.Take(bytes);
//   if (answer.complete()) answer.status() == 200
#ifndef CONTROL_HEALTH_HTTP_ANSWER_H_
#define CONTROL_HEALTH_HTTP_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace evenkeel {

class HttpAnswer {
 public:
  // More than an honest server's header; bytes.
  static constexpr size_t kHeaderMax = 16384;

  void Take(absl::string_view bytes);

  // The header has ended, and its first line was right.
  bool complete() const { return complete_; }
  uint32_t status() const { return status_; }  // once the first line is there; 0 before
  // Why this is no answer, to stand behind a colon; unset while it may still become one.
  const std::optional<std::string>& fault() const { return fault_; }
  // What has come of its first line, if that has not ended: to show when no more comes.
  absl::string_view begun() const { return status_ == 0 ? line_ : absl::string_view(); }

 private:
  void EndLine();

  size_t taken_ = 0;
  std::string line_;  // its beginning
  uint32_t status_ = 0;
  bool complete_ = false;
  std::optional<std::string> fault_;
};

// For messages: control characters as '.', no more than 40 bytes.
std::string Printable(absl::string_view text);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_HTTP_ANSWER_H_
