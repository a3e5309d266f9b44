#include "control/publish/read_flows.h"

#include <optional>
#include <set>
#include <vector>

namespace evenkeel {
namespace {

// Nothing where no backend has that index.
std::optional<uint32_t> IdleTicksOf(const ImageView& image, uint16_t backend) {
  if (backend >= image.backends().size()) return std::nullopt;
  const lb_backend& record = image.backends()[backend];
  if (record.family == LB_FAMILY_NONE) return std::nullopt;
  return lb_idle_ticks(image.pools()[record.pool].idle_s);
}

// Pools whose services take the slot from another hash than the entry's.
std::vector<bool> PoolsByClient(const ImageView& image) {
  std::vector<bool> by_client(image.pools().size());
  for (const lb_service& service : image.services()) {
    if (service.affinity == LB_AFFINITY_CLIENT) by_client[service.pool] = true;
  }
  return by_client;
}

}  // namespace

TailEvidence TailsOf(const FlowEvidence& flows, const ImageView& running, uint64_t begun_ns) {
  TailEvidence tails(begun_ns);
  const std::vector<bool> by_client = PoolsByClient(running);
  std::set<uint32_t> sizes;
  for (const lb_pool& pool : running.pools()) sizes.insert(pool.slots_log2);
  for (const uint32_t slots_log2 : sizes) {
    flows.ForEachSlot(slots_log2, [&](uint32_t slot, uint16_t backend) {
      const uint16_t place = running.backends()[backend].pool;
      const lb_pool& pool = running.pools()[place];
      if (pool.slots_log2 != slots_log2) return;
      TailEntry entry{.pool = pool.id, .slot = slot, .backend = backend};
      if (by_client[place]) entry.slot.reset();
      entry.is_current = pool.table != LB_TABLE_NONE &&
                         lb_slot_backend(running.tables()[pool.table]->slots()[slot]) == backend;
      tails.Add(entry);
    });
  }
  return tails;
}

absl::StatusOr<FlowsNow> ReadFlows(std::span<PlaneSink* const> sinks, const ImageView& running,
                                   uint64_t now_ns) {
  FlowEvidence flows(lb_tick_of(now_ns),
                     [&](uint16_t backend) { return IdleTicksOf(running, backend); });
  for (PlaneSink* sink : sinks) {
    const absl::Status status =
        sink->ReadFlows([&](std::span<const lb_flow_bucket> buckets) { flows.Add(buckets); });
    if (!status.ok()) return status;
  }
  return FlowsNow{.tails = TailsOf(flows, running, now_ns), .backends = flows.backends()};
}

}  // namespace evenkeel
