#include "control/health/probe_once.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/engine.h"

namespace evenkeel {
namespace {

constexpr uint32_t kFall = 2;  // a lost packet is no finding

// Beside the prober's own device, rule and table.
TunDevice::Options DryRunDevice() {
  return {.name = "evk-probe", .mark = 0x45564c, .table = 0x45564c, .priority = 601};
}

HealthTarget Hurried(HealthTarget target) {
  target.check.rise = 1;
  target.check.fall = kFall;
  target.check.interval = std::max(target.check.timeout * 1.1, absl::Milliseconds(200));
  return target;
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

}  // namespace

std::vector<ProbeReport> ProbeOnce(const std::vector<HealthTarget>& targets, const Network& network,
                                   absl::Duration bound) {
  std::vector<ProbeReport> reports;
  for (const HealthTarget& target : targets) reports.push_back({.target = target});
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<HealthEngine>> engine =
      HealthEngine::Create({.tunnel = DryRunDevice()});
  if (!engine.ok()) {
    for (ProbeReport& report : reports) {
      report.finding = ProbeFinding::kNotChecked;
      report.error = std::string(engine.status().message());
    }
    return reports;
  }

  std::vector<HealthTarget> hurried;
  for (const HealthTarget& target : targets) hurried.push_back(Hurried(target));
  const std::vector<HealthStatus> first = Run(**engine, hurried, network, start + bound / 2);
  std::vector<HealthTarget> contrasts;
  for (size_t i = 0; i < targets.size(); ++i) {
    reports[i].error = first[i].last_error;
    if (first[i].passing == true) continue;
    reports[i].finding = ProbeFinding::kNotChecked;
    if (first[i].passing == false) {
      reports[i].finding = ProbeFinding::kSilent;
      for (HealthTarget& contrast : ContrastsOf(hurried[i])) contrasts.push_back(contrast);
    } else if (reports[i].error.empty()) {
      reports[i].error = absl::StrCat("no verdict within ", absl::FormatDuration(bound / 2));
    }
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

}  // namespace evenkeel
