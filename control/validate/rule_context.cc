#include "control/validate/rule_context.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/config/literals.h"
#include "control/config/parse.h"

namespace evenkeel {

bool ActiveAllow::Covers(absl::string_view rule, absl::string_view path) const {
  if (allow.rule != rule || !absl::StartsWith(path, allow.at)) return false;
  // "pools.web" covers "pools.web.table", not "pools.web2"; "pools" alone is no place.
  const bool whole = path.size() == allow.at.size();
  return whole || (path[allow.at.size()] == '.' && absl::StrContains(allow.at, "."));
}

RuleContext::RuleContext(const Config& config, absl::Time now, std::vector<Allow> command_allow)
    : config_(config), now_(now), shares_(config.pools.size()) {
  for (size_t i = 0; i < config.safety.allow.size(); ++i) {
    allows_.push_back({config.safety.allow[i], absl::StrCat("safety.allow[", i, "]")});
  }
  for (Allow& allow : command_allow) allows_.push_back({std::move(allow), ""});
}

const std::optional<PoolShares>& RuleContext::SharesOf(const Pool& pool) {
  auto& shares = shares_[static_cast<size_t>(&pool - config_.pools.data())];
  if (!shares) shares.emplace(ComputeShares(pool));
  return *shares;
}

void RuleContext::Error(std::string path, std::string message, std::string hint) {
  Report(Severity::kError, std::move(path), std::move(message), std::move(hint));
}

void RuleContext::Warn(std::string path, std::string message, std::string hint) {
  Report(Severity::kWarning, std::move(path), std::move(message), std::move(hint));
}

void RuleContext::Note(std::string path, std::string message, std::string hint) {
  Report(Severity::kNote, std::move(path), std::move(message), std::move(hint));
}

std::string RuleContext::LineOf(absl::string_view path) const {
  return absl::StrCat("line ", config_.locations.Find(path).line);
}

bool RuleContext::IsAllowed(absl::string_view path) { return UseAllow(path) != nullptr; }

void RuleContext::Run(const Rule& rule) {
  if (rule.check == nullptr) return;
  running_ = &rule;
  rule.check(*this);
}

std::vector<Finding> RuleContext::TakeFindings() {
  SortByPlace(findings_);
  if (left_out_ > 0) {
    findings_.push_back(Finding{.rule = "schema",
                                .severity = Severity::kNote,
                                .message = absl::StrCat(left_out_, " more findings are not listed"),
                                .hint = "mend those listed, then validate again"});
  }
  return std::move(findings_);
}

void RuleContext::Report(Severity severity, std::string path, std::string message,
                         std::string hint) {
  if (severity != Severity::kNote) {
    if (const ActiveAllow* used = UseAllow(path)) {
      severity = Severity::kNote;
      absl::StrAppend(&message, " (allowed until ", decoding::FormatInstant(used->allow.until),
                      ": ", used->allow.reason, ")");
      hint.clear();
    }
  }
  if (severity == Severity::kError && running_->allow == Rule::Override::kAllowed) {
    absl::StrAppend(&hint, hint.empty() ? "" : "; ",
                    "if it is meant, add to safety.allow: {rule: ", running_->id, ", at: ", path,
                    ", reason: …, until: …}");
  }
  // Bounded for each severity by itself: warnings never crowd out the errors that refuse the file.
  if (++reported_[static_cast<size_t>(severity)] > kFindingsMax) {
    ++left_out_;
    return;
  }
  const Location at = config_.locations.Find(path);
  findings_.push_back(Finding{.rule = std::string(running_->id),
                              .severity = severity,
                              .path = std::move(path),
                              .line = at.line,
                              .column = at.column,
                              .message = std::move(message),
                              .hint = std::move(hint)});
}

const ActiveAllow* RuleContext::UseAllow(absl::string_view path) {
  if (running_->allow == Rule::Override::kRefused) return nullptr;
  for (ActiveAllow& candidate : allows_) {
    if (!candidate.in_force(now_) || !candidate.Covers(running_->id, path)) continue;
    candidate.used = true;
    return &candidate;
  }
  return nullptr;
}

}  // namespace evenkeel
