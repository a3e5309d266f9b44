#include "control/api/change_reports.h"

#include <algorithm>

#include "control/api/evenkeel.pb.h"
#include "control/api/reports.h"

namespace evenkeel {
namespace {

void FillRevision(const Revision& revision, v1::Revision* out) {
  out->set_revision(revision.revision);
  out->set_state(std::string(Name(revision.state)));
  out->set_when(Rfc3339(revision.when));
  out->set_who(revision.who.name);
  out->set_reason(revision.reason);
  if (!revision.plan_digest.empty()) out->set_plan_digest(revision.plan_digest);
  out->set_base_revision(revision.base_revision);
  if (!revision.file.empty()) out->set_file(revision.file);
  if (!revision.outcome.empty()) out->set_outcome(revision.outcome);
}

void FillCanary(const CanaryView& canary, v1::Canary* out) {
  out->set_percent(canary.percent);
  for (const int percent : canary.stages) out->add_stages(percent);
  if (!canary.waits_for.empty()) out->set_waits_for(canary.waits_for);
}

}  // namespace

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void FillError(const absl::Status& status, v1::Error* error) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return FillError("not_found", status.message(), "evenkeel history lists the revisions",
                       error);
    case absl::StatusCode::kInvalidArgument:
      return FillError("invalid", status.message(), "evenkeel validate says more", error);
    case absl::StatusCode::kFailedPrecondition:
      return FillError("refused", status.message(), "", error);
    default:
      return FillError("internal", status.message(), "see the log of evenkeeld", error);
  }
}

void FillFinding(const Finding& finding, v1::Finding* out) {
  out->set_rule(finding.rule);
  out->set_severity(std::string(SeverityName(finding.severity)));
  out->set_path(finding.path);
  out->set_line(finding.line);
  out->set_column(finding.column);
  out->set_message(finding.message);
  out->set_hint(finding.hint);
}

void FillApply(const ApplyOutcome& outcome, absl::Time now, v1::ApplyReply* reply) {
  for (const Finding& finding : outcome.findings) FillFinding(finding, reply->add_findings());
  if (const std::optional<Refusal>& refusal = outcome.refusal) {
    FillError(refusal->code, refusal->message, refusal->hint, reply->mutable_error());
    return;
  }
  v1::ApplyResult* result = reply->mutable_result();
  result->set_revision(outcome.revision);
  result->set_state(std::string(Name(outcome.state)));
  result->set_generation(static_cast<int64_t>(outcome.generation));
  if (outcome.confirm_deadline) {
    result->set_confirm_deadline(Rfc3339(*outcome.confirm_deadline));
    reply->set_seconds_left(std::max(0.0, absl::ToDoubleSeconds(*outcome.confirm_deadline - now)));
  }
  if (!outcome.reason.empty()) result->set_reason(outcome.reason);
  if (outcome.canary) FillCanary(*outcome.canary, result->mutable_canary());
}

void FillTrial(const TrialView& trial, v1::Trial* out) {
  out->set_revision(trial.revision);
  out->set_base_revision(trial.base_revision);
  out->set_deadline(Rfc3339(trial.deadline));
  out->set_seconds_left(absl::ToDoubleSeconds(trial.left));
  out->set_who(trial.who.name);
  out->set_reason(trial.reason);
  out->set_since(Rfc3339(trial.since));
  out->set_confirming(trial.confirming);
  if (trial.canary) FillCanary(*trial.canary, out->mutable_canary());
}

void FillAlarm(const ControlAlarm& alarm, v1::Alarm* out) {
  out->set_rule(alarm.rule);
  if (alarm.service) out->set_service(*alarm.service);
  if (alarm.backend) out->set_backend(*alarm.backend);
  out->set_since(Rfc3339(alarm.since));
  out->set_message(alarm.message);
}

void FillDrain(const DrainView& drain, v1::Drain* out) {
  out->set_pool(drain.pool);
  out->set_backend(drain.backend);
  out->set_reason(drain.reason);
  if (drain.until) out->set_until(Rfc3339(*drain.until));
  out->set_by_file(drain.by_file);
  const DrainProgress& progress = drain.progress;
  if (progress.connections_left)
    out->set_connections_left(static_cast<int64_t>(*progress.connections_left));
  if (progress.done_at) out->set_done_at(Rfc3339(*progress.done_at));
}

void FillHistory(const std::vector<Revision>& revisions, v1::HistoryReply* reply) {
  for (const Revision& revision : revisions) FillRevision(revision, reply->add_revisions());
}

void FillShow(const Revision& revision, v1::ShowReply* reply) {
  FillRevision(revision, reply->mutable_revision());
  reply->set_content(revision.content);
  for (const BackendDrain& drain : revision.drains) {
    DrainView view{
        .pool = drain.pool, .backend = drain.backend, .reason = drain.reason, .until = {}};
    if (drain.until != absl::InfiniteFuture()) view.until = drain.until;
    FillDrain(view, reply->add_drains());
  }
}

void FillAudit(const AuditReport& report, v1::AuditReply* reply) {
  reply->set_ok(report.ok);
  for (const Finding& finding : report.findings) FillFinding(finding, reply->add_findings());
  reply->mutable_chain()->set_entries(static_cast<int64_t>(report.entries));
  reply->mutable_chain()->set_head(HexDigest(report.head));
}

}  // namespace evenkeel
