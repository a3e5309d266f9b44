#include "control/watch/watch.h"

#include <algorithm>
#include <utility>

namespace evenkeel {
namespace {

SplitSecond SplitOf(const ServiceSecond& service, absl::Time at) {
  SplitSecond split{.at = at, .ids = {}, .observed = {}, .tables = service.tables};
  for (const MemberCount& count : service.counts) {
    split.ids.push_back(count.id);
    split.observed.push_back(count.new_flows);
  }
  return split;
}

}  // namespace

void Watch::Add(const WatchSecond& second) {
  node_ = second.node;
  const double threshold = AlarmThreshold(node_->members() + second.workers.ids.size());
  absl::flat_hash_map<uint64_t, State> kept;
  for (const ServiceSecond& service : second.services) {
    State& state = kept[service.service->id];
    if (const auto known = services_.find(service.service->id); known != services_.end()) {
      state = std::move(known->second);
    }
    if (!service.service->is_udp) {
      state.follow_up.Add(service.counts, service.tables.front(), second.at);
    }
    // Who may be silent has his SYNs again and again, and so more than his share.
    if (state.follow_up.is_suspect()) {
      state.split.Skip();
    } else {
      state.split.Add(SplitOf(service, second.at),
                      {.threshold = threshold, .bunched = service.service->by_client});
    }
  }
  services_.swap(kept);

  const size_t workers = second.workers.ids.size();
  if (workers > 1) {
    const std::vector<double> even(workers, 1.0 / static_cast<double>(workers));
    workers_.Add({.at = second.at,
                  .ids = second.workers.ids,
                  .observed = second.workers.new_flows,
                  .tables = {even}},
                 {.threshold = threshold, .bunched = true});
  } else {
    workers_ = {};
  }
  if (!IsUneven()) tables_ = {};
}

bool Watch::IsUneven() const {
  return std::any_of(services_.begin(), services_.end(),
                     [](const auto& entry) { return !entry.second.split.Alarms().empty(); });
}

bool Watch::NeedsAudit() const { return !tables_.is_known && IsUneven(); }

std::vector<WatchAlarm> Watch::Alarms() const {
  std::vector<WatchAlarm> alarms;
  if (node_ == nullptr) return alarms;
  for (const WatchedService& service : node_->services) {
    const auto found = services_.find(service.id);
    if (found == services_.end()) continue;
    if (found->second.follow_up.whole().fault != WholeFault::kNone) {
      alarms.push_back(WholeAlarm(service, found->second.follow_up.whole()));
    }
    for (const SilentMember& silent : found->second.follow_up.Silent()) {
      alarms.push_back(FollowUpAlarm(service, silent));
    }
    for (const SplitAlarm& alarm : found->second.split.Alarms()) {
      alarms.push_back(DistributionAlarm(service, alarm, tables_));
    }
  }
  for (const SplitAlarm& alarm : workers_.Alarms()) alarms.push_back(WorkersAlarm(alarm));
  return alarms;
}

}  // namespace evenkeel
