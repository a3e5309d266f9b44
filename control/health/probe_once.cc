#include "control/health/probe_once.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/engine.h"

namespace evenkeel {
namespace {

constexpr uint32_t kFall = 2;                                // a lost packet is no finding
constexpr absl::Duration kMoment = absl::Milliseconds(500);  // what a busy node takes to look

// Beside the prober's own device, rule and table.
TunDevice::Options DryRunDevice() {
  return {.name = "evk-probe", .mark = 0x45564c, .table = 0x45564c, .priority = 601};
}
TunDevice::Options RoundsDevice() {
  return {.name = "evk-trial", .mark = 0x45564d, .table = 0x45564d, .priority = 602};
}

// With a verdict after one pass or `fall` failures.
std::vector<HealthTarget> Hurried(std::vector<HealthTarget> targets, uint32_t fall) {
  for (HealthTarget& target : targets) {
    target.check.rise = 1;
    target.check.fall = fall;
    target.check.interval = std::max(target.check.timeout * 1.1, absl::Milliseconds(200));
  }
  return targets;
}

// Until each target has a verdict, or cannot be checked, or time is over.
std::vector<HealthStatus> Run(HealthEngine& engine, const std::vector<HealthTarget>& targets,
                              const Network& network, absl::Time until) {
  engine.SetTargets(targets, network);
  const auto is_settled = [](const HealthStatus& status) {
    return status.passing.has_value() || (status.checks == 0 && !status.last_error.empty());
  };
  std::vector<HealthStatus> all = engine.Status();
  while (absl::Now() < until && !std::all_of(all.begin(), all.end(), is_settled)) {
    engine.Wait();
    engine.Work();
    all = engine.Status();
  }
  return all;
}

// The other ways to ask a target that has failed, three for each.
enum Contrast { kPingVip, kPingThroughTunnel, kDirect, kContrasts };

std::vector<HealthTarget> ContrastsOf(const HealthTarget& target) {
  std::vector<HealthTarget> contrasts(kContrasts, target);
  for (HealthTarget& contrast : contrasts) contrast.check.kind = HealthKind::kIcmp;
  // A tunnel ends at the backend's own address: what it carries for that address needs no VIP.
  contrasts[kPingThroughTunnel].vips = {target.address};
  contrasts[kDirect].check.via = HealthVia::kDirect;
  return contrasts;
}

ProbeFinding FindingOf(const HealthStatus& failed, const HealthStatus* contrasts) {
  if (failed.answered || contrasts[kPingVip].passing == true) return ProbeFinding::kWrongAnswer;
  const bool is_direct = failed.target->check.via == HealthVia::kDirect;
  if (contrasts[kDirect].passing != true) return ProbeFinding::kSilent;
  if (is_direct) return ProbeFinding::kWrongAnswer;
  return contrasts[kPingThroughTunnel].passing == true ? ProbeFinding::kNoVip
                                                       : ProbeFinding::kNoTunnel;
}

// What one asking shows; `failed`, where a verdict is a failure.
ProbeReport ReportOf(const HealthTarget& target, const HealthStatus& status, ProbeFinding failed,
                     absl::Duration waited) {
  ProbeReport report{.target = target, .error = status.last_error};
  if (status.passing == true) return report;
  report.finding = status.passing == false ? failed : ProbeFinding::kNotChecked;
  if (report.error.empty()) {
    report.error = absl::StrCat("no verdict within ", absl::FormatDuration(waited));
  }
  return report;
}

std::vector<ProbeReport> NotChecked(const std::vector<HealthTarget>& targets,
                                    const absl::Status& why) {
  std::vector<ProbeReport> reports;
  for (const HealthTarget& target : targets) {
    reports.push_back({.target = target,
                       .finding = ProbeFinding::kNotChecked,
                       .error = std::string(why.message())});
  }
  return reports;
}

}  // namespace

std::vector<ProbeReport> ProbeOnce(const std::vector<HealthTarget>& targets, const Network& network,
                                   absl::Duration bound) {
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<HealthEngine>> engine =
      HealthEngine::Create({.tunnel = DryRunDevice()});
  if (!engine.ok()) return NotChecked(targets, engine.status());

  const std::vector<HealthTarget> hurried = Hurried(targets, kFall);
  const std::vector<HealthStatus> first = Run(**engine, hurried, network, start + bound / 2);
  std::vector<ProbeReport> reports;
  std::vector<HealthTarget> contrasts;
  for (size_t i = 0; i < targets.size(); ++i) {
    reports.push_back(ReportOf(targets[i], first[i], ProbeFinding::kSilent, bound / 2));
    if (reports[i].finding != ProbeFinding::kSilent) continue;
    for (HealthTarget& contrast : ContrastsOf(hurried[i])) contrasts.push_back(contrast);
  }
  if (contrasts.empty()) return reports;

  const std::vector<HealthStatus> second = Run(**engine, contrasts, network, start + bound);
  size_t next = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (reports[i].finding != ProbeFinding::kSilent) continue;
    reports[i].finding = FindingOf(first[i], &second[next]);
    next += kContrasts;
  }
  return reports;
}

ProbeRounds::ProbeRounds() = default;
ProbeRounds::~ProbeRounds() = default;

std::vector<ProbeReport> ProbeRounds::Ask(const std::vector<HealthTarget>& targets,
                                          const Network& network) {
  if (!engine_) {
    absl::StatusOr<std::unique_ptr<HealthEngine>> engine =
        HealthEngine::Create({.tunnel = RoundsDevice()});
    if (!engine.ok()) return NotChecked(targets, engine.status());
    engine_ = *std::move(engine);
  }
  absl::Duration limit = kMoment;
  for (const HealthTarget& target : targets) {
    limit = std::max(limit, target.check.timeout + kMoment);
  }
  const std::vector<HealthStatus> all =
      Run(*engine_, Hurried(targets, 1), network, absl::Now() + limit);
  std::vector<ProbeReport> reports;
  for (size_t i = 0; i < targets.size(); ++i) {
    const ProbeFinding failed =
        all[i].answered ? ProbeFinding::kWrongAnswer : ProbeFinding::kSilent;
    reports.push_back(ReportOf(targets[i], all[i], failed, limit));
  }
  engine_->SetTargets({}, network);  // the next round begins anew
  return reports;
}

}  // namespace evenkeel
