// Which targets there are, and how they stand.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/engine.h"
#include "control/health/tunnel_way.h"

namespace evenkeel {
namespace {

// Targets that may be the same are found under one key.
std::string KeyOf(const HealthTarget& target) {
  return absl::StrCat(target.pool, " ", target.address.ToString());
}

}  // namespace

void HealthEngine::SetTargets(const std::vector<HealthTarget>& targets, const Network& network) {
  network_ = network;
  wants_tunnel_ = std::any_of(targets.begin(), targets.end(), [](const HealthTarget& target) {
    return target.check.via == HealthVia::kTunnel;
  });
  if (wants_tunnel_ && !tunnel_) OpenTunnel();
  std::vector<Watched> before = std::exchange(watched_, {});
  absl::flat_hash_map<std::string, std::vector<Watched*>> known;
  for (Watched& watched : before) known[KeyOf(*watched.target)].push_back(&watched);

  for (const HealthTarget& target : targets) {
    const auto index = static_cast<uint32_t>(watched_.size());
    std::vector<Watched*>& candidates = known[KeyOf(target)];
    const auto same =
        std::find_if(candidates.begin(), candidates.end(),
                     [&](const Watched* watched) { return *watched->target == target; });
    if (same != candidates.end()) {
      watched_.push_back(std::move(**same));
      candidates.erase(same);
      if (watched_.back().target->backend != target.backend) {
        watched_.back().target = std::make_shared<const HealthTarget>(target);
      }
    } else {
      watched_.push_back({.target = std::make_shared<const HealthTarget>(target)});
      MakeChecks(index);
    }
    for (const uint32_t check : watched_[index].checks) checks_[check].watched = index;
  }
  for (const auto& [key, left] : known) {
    for (const Watched* watched : left) {
      for (const uint32_t check : watched->checks) RemoveCheck(check);
    }
  }
  stats_.targets = watched_.size();
  if (tunnel_) ConfigureTunnel();
}

// Also makes the checks that the lack of a tunnel has prevented.
void HealthEngine::ConfigureTunnel() {
  std::vector<IpAddress> l2_backends;
  for (uint32_t i = 0; i < watched_.size(); ++i) {
    const HealthTarget& target = *watched_[i].target;
    if (target.check.via != HealthVia::kTunnel) continue;
    if (target.forward == Forward::kL2dsr) l2_backends.push_back(target.address);
    if (watched_[i].checks.empty()) MakeChecks(i);
  }
  tunnel_->Configure(network_, l2_backends);
}

void HealthEngine::MakeChecks(uint32_t index) {
  Watched& watched = watched_[index];
  const HealthTarget& target = *watched.target;
  EchoSocket* echo = echo_.ok() ? &*echo_ : nullptr;
  if (target.check.via == HealthVia::kDirect) {
    AddCheck(index, std::make_unique<DirectWay>(target.address, target.check.source, echo));
    return;
  }
  if (!tunnel_) {
    watched.obstacle = absl::StrCat("not checked: ", tunnel_status_.message());
    return;
  }
  watched.obstacle =
      target.vips.empty() ? "not checked: no service uses the pool, so there is no VIP" : "";
  for (const IpAddress& vip : target.vips) {
    AddCheck(index, std::make_unique<TunnelWay>(tunnel_.get(), echo, vip,
                                                TunnelEnd{target.address, target.forward},
                                                target.check.source));
  }
}

void HealthEngine::AddCheck(uint32_t watched, std::unique_ptr<Way> way) {
  if (free_checks_.empty()) {
    free_checks_.push_back(static_cast<uint32_t>(checks_.size()));
    checks_.emplace_back();
  }
  const uint32_t index = free_checks_.back();
  free_checks_.pop_back();
  const HealthTargetPtr& target = watched_[watched].target;
  const uint32_t generation = checks_[index].generation;
  checks_[index] = {.target = target,
                    .generation = generation,
                    .watched = watched,
                    .way = std::move(way),
                    .history = CheckHistory(target->check.rise, target->check.fall)};
  watched_[watched].checks.push_back(index);
  timers_.Add({.at_ns = FirstStart(target->check.interval),
               .kind = Timer::Kind::kStart,
               .index = index,
               .generation = generation});
}

void HealthEngine::RemoveCheck(uint32_t index) {
  Check& check = checks_[index];
  for (const uint32_t attempt : check.in_flight) attempts_.End(attempt);
  const uint32_t generation = check.generation;
  check = {.generation = generation + 1};
  free_checks_.push_back(index);
}

// All checks of a target speak for it: one that fails is enough, and so is one that gets an answer
// for the path to be alive.
void HealthEngine::Judge(uint32_t index) {
  Watched& watched = watched_[index];
  std::optional<bool> passing = true;
  bool path_alive = false;
  std::string error;
  absl::Duration rtt;
  for (const uint32_t number : watched.checks) {
    const Check& check = checks_[number];
    path_alive |= check.history.path_alive();
    rtt = std::max(rtt, check.rtt);
    if (check.history.passing() == false) {
      if (passing != false || error.empty()) error = check.history.last_error();
      passing = false;
    } else if (!check.history.passing() && passing == true) {
      passing = std::nullopt;
    }
  }
  if (!passing) return;
  if (*passing) path_alive = true;
  if (passing == watched.passing && path_alive == watched.path_alive) return;
  if (passing != watched.passing) watched.since = absl::Now();
  watched.passing = passing;
  watched.path_alive = path_alive;
  verdicts_.push_back({.target = watched.target,
                       .passing = *passing,
                       .path_alive = path_alive,
                       .last_error = *passing ? "" : std::move(error),
                       .when = absl::Now(),
                       .rtt = *passing ? rtt : absl::ZeroDuration()});
}

std::vector<HealthStatus> HealthEngine::Status() const {
  std::vector<HealthStatus> all;
  all.reserve(watched_.size());
  for (const Watched& watched : watched_) {
    HealthStatus status{.target = watched.target,
                        .passing = watched.passing,
                        .path_alive = watched.path_alive,
                        .last_error = watched.obstacle,
                        .since = watched.since};
    for (const uint32_t number : watched.checks) {
      const Check& check = checks_[number];
      status.checks += check.ended;
      status.answered &= check.history.last_answered();
      if (status.last_error.empty()) status.last_error = check.history.last_error();
    }
    all.push_back(std::move(status));
  }
  return all;
}

HealthStats HealthEngine::stats() const {
  HealthStats stats = stats_;
  stats.in_flight = attempts_.in_flight();
  return stats;
}

std::vector<std::string> HealthEngine::Problems() const {
  std::vector<std::string> problems;
  if (IsShort()) {
    problems.push_back(absl::StrCat(
        "more checks are due than ", attempts_.descriptors_max(),
        " descriptors allow at once, so that some begin late: let the process open more files "
        "(LimitNOFILE=), or lengthen `interval` or shorten `timeout` of the checks"));
  }
  if (!echo_.ok()) {
    problems.push_back(absl::StrCat("there are no pings, and no backend can be told to be dead: ",
                                    echo_.status().message()));
  }
  if (wants_tunnel_ && !tunnel_) {
    problems.push_back(
        absl::StrCat("backends with `via: tunnel` are not checked: ", tunnel_status_.message()));
  }
  std::string send_error = tunnel_ ? tunnel_->SendError(absl::Now()) : "";
  if (!send_error.empty()) problems.push_back(std::move(send_error));
  return problems;
}

}  // namespace evenkeel
