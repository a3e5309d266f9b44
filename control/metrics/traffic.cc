#include "control/metrics/traffic.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(10);
constexpr std::chrono::seconds kInterval(1);
constexpr absl::Duration kAnswerTimeout = absl::Seconds(1);

void AddPlane(const StatsSnapshot& stats, TrafficNow* now) {
  now->received += stats.received;
  if (now->reasons.size() < stats.reasons.size()) now->reasons.resize(stats.reasons.size());
  for (size_t i = 0; i < stats.reasons.size(); ++i) now->reasons[i] += stats.reasons[i];
  for (const FlowCount& count : stats.flows) {
    FlowTotals& totals = now->flows[{count.service_id, count.backend_id}];
    totals.packets += count.packets;
    totals.bytes += count.bytes;
    totals.new_flows += count.new_flows;
  }
}

uint64_t UptimeOf(const TrafficNow& now) {
  uint64_t sum = 0;
  for (const auto& plane : now.planes) sum += plane.ok() ? plane->uptime_ns : 0;
  return sum;
}

}  // namespace

void RecentFlows::Add(const FlowKey& key, uint64_t new_flows) {
  flows_[key] += new_flows;
  services_[key.first] += new_flows;
}

std::optional<double> RecentFlows::Share(uint64_t service, uint64_t backend) const {
  const auto total = services_.find(service);
  if (total == services_.end() || total->second < kFlowsMin) return std::nullopt;
  const auto mine = flows_.find({service, backend});
  const uint64_t count = mine == flows_.end() ? 0 : mine->second;
  return static_cast<double>(count) / static_cast<double>(total->second);
}

std::optional<double> RecentFlows::Rate(uint64_t service) const {
  if (span <= absl::ZeroDuration()) return std::nullopt;
  const auto total = services_.find(service);
  const uint64_t count = total == services_.end() ? 0 : total->second;
  return static_cast<double>(count) / absl::ToDoubleSeconds(span);
}

Traffic::Traffic(std::vector<PlaneSink*> sinks) : sinks_(std::move(sinks)) {}

Traffic::~Traffic() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Traffic::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Traffic::Run() {
  while (true) {
    Sample(absl::Now());
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kInterval, [this] { return stopping_; })) return;
  }
}

TrafficNow Traffic::Ask() {
  TrafficNow now;
  for (PlaneSink* sink : sinks_) {
    now.planes.push_back(sink->Stats(kAnswerTimeout));
    if (now.planes.back().ok()) AddPlane(*now.planes.back(), &now);
  }
  return now;
}

void Traffic::Sample(absl::Time at) {
  TrafficNow now = Ask();
  {
    const std::lock_guard lock(mutex_);
    Keep(now, at);
    for (const auto& [message, since] : alarms_) now.alarms.push_back({message, since});
  }
  if (observer_) observer_(now, at);
}

void Traffic::SetWatch(WatchNow watch) {
  const std::lock_guard lock(mutex_);
  watch_ = std::move(watch);
}

void Traffic::SetSamples(SampleNow samples) {
  const std::lock_guard lock(mutex_);
  sampled_ = std::move(samples);
}

void Traffic::Keep(const TrafficNow& now, absl::Time at) {
  // A plane that has started anew counts from 0, one that is not there counts nothing: neither can
  // be compared with what came before.
  const uint64_t uptime_ns = UptimeOf(now);
  const bool complete = std::all_of(now.planes.begin(), now.planes.end(),
                                    [](const auto& plane) { return plane.ok(); });
  if (uptime_ns < uptime_ns_ || !complete) samples_.clear();
  if (!complete) return;
  uptime_ns_ = uptime_ns;
  Sampled sample{.at = at, .uptime_ns = uptime_ns, .new_flows = {}};
  for (const auto& [key, totals] : now.flows) sample.new_flows[key] = totals.new_flows;
  samples_.push_back(std::move(sample));
  // The oldest one kept is the newest that is a whole window old.
  while (samples_.size() > 1 && samples_[1].at <= at - kWindow) samples_.pop_front();

  std::map<std::string, absl::Time> alarms;
  for (const auto& plane : now.planes) {
    if (!plane.ok()) continue;
    for (const std::string& alarm : plane->alarms) {
      const auto known = alarms_.find(alarm);
      alarms[alarm] = known == alarms_.end() ? at : known->second;
    }
  }
  alarms_ = std::move(alarms);
}

TrafficNow Traffic::Now() {
  TrafficNow now = Ask();
  const std::lock_guard lock(mutex_);
  const NewFlows none;
  // Without a sample nothing is known of before: then nothing is recent either.
  const bool usable = !samples_.empty() && UptimeOf(now) >= uptime_ns_;
  // By the planes' own clock, which an NTP step does not move.
  if (usable && !now.planes.empty()) {
    const uint64_t elapsed_ns = UptimeOf(now) - samples_.front().uptime_ns;
    now.recent.span = absl::Nanoseconds(elapsed_ns / now.planes.size());
  }
  const NewFlows& before = usable ? samples_.front().new_flows : none;
  for (const auto& [key, totals] : now.flows) {
    const auto then = before.find(key);
    const uint64_t base = then == before.end() ? 0 : then->second;
    if (usable && totals.new_flows > base) now.recent.Add(key, totals.new_flows - base);
  }
  for (const auto& [message, since] : alarms_) now.alarms.push_back({message, since});
  now.watch = watch_;
  now.samples = sampled_;
  return now;
}

}  // namespace evenkeel
