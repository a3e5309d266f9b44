// Collects findings while a file is read: bounded, so that a hostile file cannot fill the memory
// with complaints about itself, and the errors among them are known even beyond the bound.
//
// One thread; lives as long as one ParseConfig().
#ifndef CONTROL_CONFIG_FINDING_LIST_H_
#define CONTROL_CONFIG_FINDING_LIST_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/config/finding.h"
#include "control/config/source_map.h"

namespace evenkeel {

class FindingList {
 public:
  explicit FindingList(size_t limit) : limit_(limit) {}

  void Error(absl::string_view rule, Location at, std::string path, std::string message,
             std::string hint) {
    ++count_;
    if (findings_.size() >= limit_) return;
    findings_.push_back(Finding{.rule = std::string(rule),
                                .severity = Severity::kError,
                                .path = std::move(path),
                                .line = at.line,
                                .column = at.column,
                                .message = std::move(message),
                                .hint = std::move(hint)});
  }

  size_t count() const { return count_; }
  // So many that reading on is of no use to anybody.
  bool is_flooded() const { return count_ > 100 * limit_; }

  // The list in the order of the file, with one more finding that counts those left out.
  std::vector<Finding> Take() {
    SortByPlace(findings_);
    if (count_ > limit_) {
      findings_.push_back(
          Finding{.rule = "schema",
                  .message = absl::StrCat(count_ - limit_, " more problems are not listed"),
                  .hint = "mend those listed, then validate again"});
    }
    return std::move(findings_);
  }

 private:
  const size_t limit_;
  size_t count_ = 0;
  std::vector<Finding> findings_;
};

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_FINDING_LIST_H_
