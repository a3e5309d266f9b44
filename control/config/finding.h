// What validation (and later plan, guards and audit) has to say about a configuration: one finding
// is one problem at one place, in the terms of the public interface (`rule`, `severity`, `path`,
// ...).
#ifndef CONTROL_CONFIG_FINDING_H_
#define CONTROL_CONFIG_FINDING_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace evenkeel {

enum class Severity { kError, kWarning, kNote };

inline absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "error";
}

struct Finding {
  std::string rule;  // "F01"... or "syntax", "schema", "reference", "not-active"
  Severity severity = Severity::kError;
  std::string path;  // `pools.web.backends.web-1.weight`; empty: the file as a whole
  int line = 0;      // from 1; 0: no place in the file
  int column = 0;    // from 1, in bytes
  std::string message;
  std::string hint;  // what to write instead; may be empty

  bool operator==(const Finding&) const = default;
};

// Whether the configuration must be refused.
inline bool HasErrors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.severity == Severity::kError; });
}

// Into the order of the file; what has no place comes first, equal places keep their order.
inline void SortByPlace(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
}

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_FINDING_H_
