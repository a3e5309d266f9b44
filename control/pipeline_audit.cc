// The audit: on a timer and on demand; and the alarms that it and the rest of the pipeline raise.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/app/log.h"
#include "control/audit/checks.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

constexpr absl::string_view kFromAudit = "audit ";  // of the causes of its alarms
// Before changes have to wait for the planes' answers.
constexpr int kAttempts = 5;

LogWitness WitnessOf(absl::string_view name, const ImageView& image) {
  LogWitness witness{.name = std::string(name), .head = {.entries = image.root().audit_entries}};
  std::copy(std::begin(image.root().audit_head), std::end(image.root().audit_head),
            witness.head.hash.begin());
  return witness;
}

// "web/web-3" of "pools.web.backends.web-3.drain".
std::optional<std::string> BackendOf(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '.');
  if (parts.size() < 4 || parts[0] != "pools" || parts[2] != "backends") return std::nullopt;
  return absl::StrCat(parts[1], "/", parts[3]);
}

void Append(std::vector<Finding>& to, std::vector<Finding> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

AuditReport Pipeline::Audit() {
  // Answers that were given while something was published are about neither what ran before nor
  // what runs now: the planes are asked again.
  for (int attempt = 1;; ++attempt) {
    std::unique_lock lock(change_mutex_);
    ReconcileAll();  // what is known to be wrong is no finding
    const RunningPtr running = Running();
    if (attempt < kAttempts) lock.unlock();
    const PlaneAnswers answers =
        AskForAudits(lock.owns_lock() ? options_.publish_timeout : options_.audit_timeout);
    if (!lock.owns_lock()) lock.lock();
    if (Running() != running) continue;
    AuditReport report = AuditLocked(answers);
    RaiseFindings(report);
    return report;
  }
}

Pipeline::PlaneAnswers Pipeline::AskForAudits(absl::Duration timeout) {
  const std::lock_guard one_at_a_time(audit_mutex_);
  PlaneAnswers answers;
  for (PlaneSink* sink : sinks_) answers.emplace(sink, sink->Audit(timeout));
  return answers;
}

AuditReport Pipeline::AuditLocked(const PlaneAnswers& answers) {
  AuditReport report;
  const RunningPtr running = Running();
  std::vector<LogWitness> witnesses;
  if (running != nullptr && running->compiled != nullptr) {
    witnesses.push_back(WitnessOf("the image that runs", *running->compiled->image));
  }
  for (PlaneSink* sink : sinks_) {
    const PlaneState state = sink->State();
    if (state.image == nullptr || IsUnknown(state)) continue;
    witnesses.push_back(
        WitnessOf(absl::StrCat("the image of the ", sink->kind(), " plane"), *state.image));
  }
  const absl::StatusOr<LogCheck> log = store_->CheckLog(std::move(witnesses));
  Append(report.findings, CheckChain(log));
  if (log.ok()) {
    report.entries = log->head.entries;
    report.head = log->head.hash;
  }

  if (running != nullptr) {
    for (PlaneSink* sink : sinks_) {
      if (running->compiled == nullptr) continue;
      Append(report.findings, CheckPlane(sink->kind(), sink->State(), answers.at(sink),
                                         running->generation, *running->compiled->image));
    }
    Append(report.findings, CheckEnds(running->config, running->record, options_.clock->Now()));
  }
  // While a trial runs, its file is not what is confirmed, and nobody need be told.
  const RunningPtr base = Base();
  if (base != nullptr && !active_) {
    const absl::StatusOr<std::optional<Revision>> stored = store_->Find(base->revision);
    if (stored.ok() && stored->has_value()) {
      Append(report.findings, CheckFile(base->record, (*stored)->content));
    }
  }
  report.ok = !HasErrors(report.findings);
  return report;
}

// Each finding but a note is an alarm until an audit no longer has it.
void Pipeline::RaiseFindings(const AuditReport& report) {
  const RunningPtr running = Running();
  const absl::Time now = options_.clock->Now();
  std::set<std::string> causes;
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::kNote) continue;
    const std::string cause =
        absl::StrCat(kFromAudit, finding.rule, " ", finding.path, " ", finding.message);
    causes.insert(cause);
    Raise(cause, {.rule = finding.rule,
                  .service = {},
                  .backend = BackendOf(finding.path),
                  .since = now,
                  .message = finding.message});
  }
  const std::lock_guard lock(view_mutex_);
  if (running != nullptr) next_audit_ = now + running->config.safety.audit_every;
  std::erase_if(alarms_, [&](const auto& alarm) {
    return absl::StartsWith(alarm.first, kFromAudit) && !causes.contains(alarm.first);
  });
}

void Pipeline::Raise(const std::string& cause, ControlAlarm alarm) {
  const std::lock_guard lock(view_mutex_);
  const auto [place, is_new] = alarms_.try_emplace(cause, alarm);
  if (is_new) {
    LogWarning("alarm", alarm.rule, ": ", alarm.message);
  } else {
    place->second.message = std::move(alarm.message);  // `since` stays
  }
}

void Pipeline::Clear(const std::string& cause) {
  const std::lock_guard lock(view_mutex_);
  alarms_.erase(cause);
}

bool Pipeline::HasAlarm(absl::string_view rule) const {
  const std::lock_guard lock(view_mutex_);
  return std::ranges::any_of(alarms_, [&](const auto& alarm) { return alarm.second.rule == rule; });
}

std::vector<ControlAlarm> Pipeline::Alarms() const {
  const std::lock_guard lock(view_mutex_);
  std::vector<ControlAlarm> alarms;
  for (const auto& [cause, alarm] : alarms_) alarms.push_back(alarm);
  return alarms;
}

}  // namespace evenkeel
