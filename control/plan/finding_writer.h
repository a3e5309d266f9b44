// Collects findings about a candidate, each with the place in the file that its path has.
#ifndef CONTROL_PLAN_FINDING_WRITER_H_
#define CONTROL_PLAN_FINDING_WRITER_H_

#include <string>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/config/finding.h"

namespace evenkeel {

class FindingWriter {
 public:
  explicit FindingWriter(const Config& candidate) : places_(candidate.locations) {}

  void Add(Severity severity, absl::string_view rule, std::string path, std::string message,
           std::string hint) {
    const Location at = places_.Find(path);
    findings_.push_back({.rule = std::string(rule),
                         .severity = severity,
                         .path = std::move(path),
                         .line = at.line,
                         .column = at.column,
                         .message = std::move(message),
                         .hint = std::move(hint)});
  }
  void Error(absl::string_view rule, std::string path, std::string message, std::string hint) {
    Add(Severity::kError, rule, std::move(path), std::move(message), std::move(hint));
  }
  void Warning(absl::string_view rule, std::string path, std::string message, std::string hint) {
    Add(Severity::kWarning, rule, std::move(path), std::move(message), std::move(hint));
  }
  void Note(absl::string_view rule, std::string path, std::string message, std::string hint) {
    Add(Severity::kNote, rule, std::move(path), std::move(message), std::move(hint));
  }

  std::vector<Finding> Take() { return std::move(findings_); }

 private:
  const SourceMap& places_;
  std::vector<Finding> findings_;
};

}  // namespace evenkeel

#endif  // CONTROL_PLAN_FINDING_WRITER_H_
