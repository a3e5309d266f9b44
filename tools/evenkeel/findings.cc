#include "tools/evenkeel/findings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

constexpr Severity kSeverities[] = {Severity::kError, Severity::kWarning, Severity::kNote};

Ink InkOf(Severity severity) {
  if (severity == Severity::kError) return Ink::kBad;
  return severity == Severity::kWarning ? Ink::kDoubtful : Ink::kFaint;
}

std::string Place(absl::string_view file, const Finding& finding) {
  if (finding.line == 0) return Printable(file);
  return absl::StrCat(Printable(file), ":", finding.line, ":", finding.column);
}

}  // namespace

std::string RenderFindings(absl::string_view file, const std::vector<Finding>& findings,
                           bool color) {
  std::string out;
  for (const Finding& finding : findings) {
    const std::string severity(SeverityName(finding.severity));
    absl::StrAppend(&out, Paint(Place(file, finding), Ink::kStrong, color), ": ",
                    Paint(severity, InkOf(finding.severity), color), " ", Printable(finding.rule));
    if (!finding.path.empty()) absl::StrAppend(&out, " ", Printable(finding.path));
    absl::StrAppend(&out, ": ", Printable(finding.message), "\n");
    if (!finding.hint.empty()) {
      absl::StrAppend(&out, "    ", Paint(Printable(finding.hint), Ink::kFaint, color), "\n");
    }
  }
  return out;
}

std::string CountFindings(const std::vector<Finding>& findings) {
  std::vector<std::string> parts;
  for (const Severity severity : kSeverities) {
    const auto count = std::count_if(findings.begin(), findings.end(),
                                     [=](const Finding& f) { return f.severity == severity; });
    if (count == 0) continue;
    parts.push_back(absl::StrCat(count, " ", SeverityName(severity), count == 1 ? "" : "s"));
  }
  return parts.empty() ? "no findings" : absl::StrJoin(parts, ", ");
}

std::vector<Finding> FromReply(const google::protobuf::RepeatedPtrField<v1::Finding>& findings) {
  std::vector<Finding> list;
  for (const v1::Finding& finding : findings) {
    Finding copy{.rule = finding.rule(),
                 .path = finding.path(),
                 .line = finding.line(),
                 .column = finding.column(),
                 .message = finding.message(),
                 .hint = finding.hint()};
    for (const Severity severity : kSeverities) {
      if (SeverityName(severity) == finding.severity()) copy.severity = severity;
    }
    list.push_back(std::move(copy));
  }
  return list;
}

}  // namespace evenkeel::cli
