#include "control/change/refusals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/change/unfinished.h"

namespace evenkeel {
namespace {

size_t CountErrors(const std::vector<Finding>& findings) {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(), [](const Finding& f) {
    return f.severity == Severity::kError;
  }));
}

// What whoever gave the command can do about a refusing finding.
std::string WayPast(const Finding& finding, absl::string_view verb) {
  if (verb == "drain") return "--force drains all the same, and the log says so";
  if (IsUnfinished(finding)) return finding.hint;
  return "make the change in smaller steps, or override the rule: --allow RULE@PATH";
}

std::string DescribeBase(const Revision* base) {
  return base == nullptr ? "nothing" : DescribeRevision(*base);
}

}  // namespace

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string DescribeRevision(const Revision& revision) {
  return absl::StrCat("revision ", revision.revision, " of ", revision.who.name, " (",
                      TimeText(revision.when), ", because: ", revision.reason, ")");
}

Refusal RefusalOf(const absl::Status& status) {
  const std::string text(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return {"unavailable", text, "start evenkeel-dataplane, or see its log"};
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
      return {"internal", text, "nothing can be changed until that is mended"};
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
      return {"internal", text, "see the log of evenkeeld"};
    default:
      return {"refused", text, ""};
  }
}

Refusal InvalidFile(absl::string_view file, const std::vector<Finding>& findings) {
  const size_t errors = CountErrors(findings);
  return {"invalid", absl::StrCat(file, " has ", errors, errors == 1 ? " error" : " errors"),
          "nothing was changed; correct the file and apply it again"};
}

Refusal RefusedByPlan(const Plan& plan, absl::string_view verb) {
  const auto first = std::find_if(plan.findings.begin(), plan.findings.end(),
                                  [](const Finding& f) { return f.severity == Severity::kError; });
  const size_t errors = CountErrors(plan.findings);
  return {
      "refused",
      absl::StrCat("the guards refuse it: ", first->rule, " at ", first->path, ": ", first->message,
                   errors > 1 ? absl::StrCat(" (and ", errors - 1, " more)") : ""),
      absl::StrCat("nothing was changed; ", WayPast(*first, verb))};
}

Refusal BaseMoved(int64_t wanted, const Revision* base) {
  return {"refused",
          absl::StrCat("the base has moved: ", DescribeBase(base), " runs, not revision ", wanted),
          "look at what changed (evenkeel show), then apply on the new base"};
}

Refusal PlanMoved(absl::string_view wanted, const Plan& plan, const Revision* base) {
  return {"refused",
          absl::StrCat("this is not the plan that was meant: the file on ", DescribeBase(base),
                       " gives plan ", HexDigest(plan.digest), ", not ", wanted),
          "the base has moved, or the file has changed since: look at evenkeel plan again"};
}

Refusal RolledBackBefore(const Revision& revision) {
  return {"refused",
          absl::StrCat("this content was rolled back as ", DescribeRevision(revision), " at ",
                       TimeText(revision.ended.value_or(revision.when)), ": ", revision.outcome),
          "for an hour it is applied only with --again TEXT, which says what is different now"};
}

}  // namespace evenkeel
