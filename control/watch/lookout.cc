#include "control/watch/lookout.h"

#include <algorithm>
#include <utility>

#include "control/app/log.h"
#include "control/audit/checks.h"

namespace evenkeel {
namespace {

// An audit that was no use is not tried again sooner.
constexpr absl::Duration kAuditPause = absl::Seconds(10);

// Not set: a plane could not be asked.
std::optional<CounterLook> LookOf(const TrafficNow& now, const std::vector<PlaneSink*>& sinks,
                                  absl::Time at) {
  CounterLook look{.at = at, .generation_min = UINT64_MAX, .flows = now.flows, .workers = {}};
  const auto take = [&look](uint64_t generation) {
    look.generation_min = std::min(look.generation_min, generation);
    look.generation_max = std::max(look.generation_max, generation);
  };
  for (size_t i = 0; i < now.planes.size(); ++i) {
    if (!now.planes[i].ok()) return std::nullopt;
    const StatsSnapshot& plane = *now.planes[i];
    look.uptime_ns += plane.uptime_ns;
    take(plane.generation);
    // An XDP program runs where the kernel takes interrupts: nobody promises equal parts.
    if (sinks[i]->kind() != "dpdk") continue;
    for (const WorkerCount& worker : plane.workers) {
      if (worker.generation != 0) take(worker.generation);
      look.workers.ids.push_back(worker.worker);
      look.workers.new_flows.push_back(worker.new_flows);
    }
  }
  return look;
}

void WriteToLog(const AlarmEvent& event) {
  if (event.is_raised) {
    LogWarning("alarm", event.alarm.rule, ": ", event.alarm.message);
  } else {
    LogInfo("alarm", event.alarm.rule, " is over: ", event.alarm.message);
  }
}

}  // namespace

void Lookout::FollowRevision(absl::Time at) {
  const RunningPtr running = pipeline_.Running();
  if (const std::optional<TrialView> trial = pipeline_.Trial()) {
    maker_.Reserve(trial->return_generation);
  }
  if (running == running_ || running == nullptr) return;
  running_ = running;
  node_ = WatchedNodeOf(running->config);
  if (running->compiled != nullptr) maker_.Learn(*running->compiled->image);
  history_.MarkRevision(running->revision, at);
}

void Lookout::AuditTables(absl::Time at) {
  if (at < next_audit_) return;
  next_audit_ = at + kAuditPause;
  TableVerdict verdict{.is_known = true, .fault = {}};
  for (const Finding& finding : pipeline_.Audit().findings) {
    if (finding.rule != "F55") continue;
    // A plane that did not tell what it runs may tell later.
    if (!IsOtherContent(finding)) return;
    verdict.fault = finding.message;
  }
  watch_.SetTables(std::move(verdict));
}

void Lookout::See(const TrafficNow& now, absl::Time at) {
  FollowRevision(at);
  std::optional<CounterLook> look = LookOf(now, pipeline_.sinks(), at);
  if (look && node_ != nullptr) {
    if (const std::optional<WatchSecond> second = maker_.Next(node_, *std::move(look))) {
      watch_.Add(*second);
      history_.Add(*second);
      ++seconds_;
    }
    if (watch_.NeedsAudit()) AuditTables(at);
  }
  alarms_ = watch_.Alarms();
  if (refine_) refine_(&alarms_);
  traffic_.SetWatch({.alarms = alarms_, .seconds = seconds_});
  TellOf(now);
}

void Lookout::TellOf(const TrafficNow& now) {
  for (const AlarmEvent& event : of_pipeline_.Update(pipeline_.Alarms())) {
    if (!event.is_raised) WriteToLog(event);
    tell_(event);
  }
  std::vector<ControlAlarm> alarms;
  for (const PlaneAlarm& alarm : now.alarms) {
    alarms.push_back({.rule = "plane",
                      .service = {},
                      .backend = {},
                      .since = alarm.since,
                      .message = alarm.message});
  }
  for (const WatchAlarm& alarm : alarms_) {
    alarms.push_back({.rule = alarm.rule,
                      .service = alarm.service,
                      .backend = alarm.backend,
                      .since = alarm.since,
                      .message = alarm.message});
  }
  for (const AlarmEvent& event : of_traffic_.Update(alarms)) {
    WriteToLog(event);
    tell_(event);
  }
}

}  // namespace evenkeel
