// What the operator is told about changes, as the messages that the CLI prints: outcomes, trials,
// history, drains, alarms, audits. Translation only; any thread.
#ifndef CONTROL_API_CHANGE_REPORTS_H_
#define CONTROL_API_CHANGE_REPORTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/change/calls.h"
#include "control/config/finding.h"
#include "control/store/revision.h"

namespace evenkeel {

namespace v1 {
class Alarm;
class ApplyReply;
class AuditReply;
class Drain;
class Error;
class Finding;
class HistoryReply;
class ShowReply;
class Trial;
}  // namespace v1

// RFC 3339, UTC, whole seconds.
std::string Rfc3339(absl::Time time);

// An error of the pipeline in the terms of the interface.
void FillError(const absl::Status& status, v1::Error* error);

void FillFinding(const Finding& finding, v1::Finding* out);
// `now` counts the seconds that a trial has left, where `outcome` has a deadline.
void FillApply(const ApplyOutcome& outcome, absl::Time now, v1::ApplyReply* reply);
void FillTrial(const TrialView& trial, v1::Trial* out);
void FillAlarm(const ControlAlarm& alarm, v1::Alarm* out);
void FillDrain(const DrainView& drain, v1::Drain* out);
void FillHistory(const std::vector<Revision>& revisions, v1::HistoryReply* reply);
void FillShow(const Revision& revision, v1::ShowReply* reply);
void FillAudit(const AuditReport& report, v1::AuditReply* reply);

}  // namespace evenkeel

#endif  // CONTROL_API_CHANGE_REPORTS_H_
