#include "dataplane/worker/plane.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace evenkeel {
namespace {

// A burst takes microseconds and an idle worker sleeps half a millisecond at most.
constexpr absl::Duration kQuiescenceBound = absl::Seconds(1);

}  // namespace

Plane::Plane(uint32_t workers, const std::array<uint8_t, 6>& port_mac)
    : swap_(workers), workers_(workers), port_mac_(port_mac) {}

absl::Status Plane::Install(std::shared_ptr<const ImageView> image, const NextHopLookup& lookup) {
  auto next =
      std::make_unique<const Generation>(std::move(image), worker_count(), port_mac_, lookup);
  unfolded_.push_back({next->shared_image(), next->shared_counters()});
  swap_.Publish(std::move(next));
  swap_.Wait(kQuiescenceBound).IgnoreError();  // who hangs is asked for by Alarms()
  Tidy();
  return absl::OkStatus();
}

void Plane::Tidy() {
  const size_t freed = swap_.Reclaim().size();
  for (size_t i = 0; i < freed; ++i) Fold(unfolded_[i], &totals_);
  unfolded_.erase(unfolded_.begin(), unfolded_.begin() + static_cast<ptrdiff_t>(freed));
}

void Plane::SetNextHop(const Address& address, uint64_t word) {
  if (const Generation* generation = swap_.current(); generation != nullptr) {
    generation->SetNextHop(address, word);
  }
}

void Plane::Fold(const Unfolded& counted, FlowTotals* totals) {
  for (const lb_service& service : counted.image->services()) {
    const lb_pool& pool = counted.image->pools()[service.pool];
    uint32_t index = service.counter_base;
    for (const lb_member& member : counted.image->members_of(pool)) {
      FlowTotal sum;
      for (const GenerationCounters& worker : *counted.counters) {
        const FlowCounter& flow = worker.flow(index);
        sum.packets += flow.packets.Get();
        sum.bytes += flow.bytes.Get();
        sum.new_flows += flow.new_flows.Get();
      }
      ++index;
      FlowTotal& total = (*totals)[{service.id, counted.image->backends()[member.backend].id}];
      total.packets += sum.packets;
      total.bytes += sum.bytes;
      total.new_flows += sum.new_flows;
    }
  }
}

void Plane::FillStats(const std::vector<unsigned>& lcores, StatsSnapshot* stats) const {
  FlowTotals now = totals_;
  for (const Unfolded& counted : unfolded_) Fold(counted, &now);
  stats->flows.reserve(now.size());
  for (const auto& [key, total] : now) {
    stats->flows.push_back({key.first, key.second, total.packets, total.bytes, total.new_flows});
  }
  stats->reasons.assign(LB_REASON_COUNT, 0);
  for (uint32_t i = 0; i < worker_count(); ++i) {
    const WorkerCounters& worker = workers_[i];
    for (int reason = 0; reason < LB_REASON_COUNT; ++reason) {
      stats->reasons[reason] += worker.reasons[reason].Get();
    }
    stats->received += worker.received.Get();
    stats->workers.push_back({i, i < lcores.size() ? lcores[i] : 0, worker.received.Get(),
                              worker.reasons[LB_REASON_none].Get(), worker.new_flows.Get(),
                              worker.busy_polls.Get(), worker.idle_polls.Get(),
                              worker.generation.Get()});
  }
  for (uint32_t i = 0; i < flows_.size(); ++i) {
    stats->flow_tables.push_back(
        FlowTableCount::Of(i, flows_[i].buckets().size() * LB_FLOW_WAYS, flows_[i].head()));
  }
}

std::vector<std::string> Plane::Alarms() const {
  std::vector<std::string> alarms;
  if (swap_.retired_count() > 0) {
    alarms.push_back(absl::StrCat("worker ", absl::StrJoin(swap_.Missing(), ", "),
                                  " hangs: it still uses a former generation"));
  }
  return alarms;
}

}  // namespace evenkeel
