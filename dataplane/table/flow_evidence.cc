#include "dataplane/table/flow_evidence.h"

#include <algorithm>

namespace evenkeel {

void FlowEvidence::Add(std::span<const lb_flow_bucket> buckets) {
  for (const lb_flow_bucket& bucket : buckets) {
    for (const uint64_t& place : bucket.entry) {
      const uint64_t entry = __atomic_load_n(&place, __ATOMIC_RELAXED);
      if (lb_entry_class(entry) == LB_ENTRY_FREE) continue;
      const uint16_t index = static_cast<uint16_t>(lb_entry_backend(entry));
      const std::optional<uint32_t> idle = idle_ticks_(index);
      if (!idle || lb_entry_is_expired(entry, tick_, *idle)) continue;
      const uint64_t top = lb_entry_signature(entry) >> (32 - LB_SLOTS_LOG2_MAX);
      slots_.insert(top << 16 | index);
      BackendFlows& flows = backends_[index];
      if (lb_entry_class(entry) == LB_ENTRY_PENDING) {
        ++flows.pending;
        continue;
      }
      ++flows.flows;
      flows.closing += lb_entry_is_closing(entry);
      const uint32_t age = lb_entry_age(entry, tick_);
      flows.youngest_ticks = std::min(flows.youngest_ticks, age);
      flows.oldest_ticks = std::max(flows.oldest_ticks, age);
    }
  }
}

BackendFlows FlowEvidence::of(uint16_t backend) const {
  const auto found = backends_.find(backend);
  return found == backends_.end() ? BackendFlows{} : found->second;
}

bool FlowEvidence::Names(uint32_t slot, uint32_t slots_log2, uint16_t backend) const {
  const uint32_t shift = LB_SLOTS_LOG2_MAX - slots_log2;
  const uint64_t first = uint64_t{slot} << shift;
  for (uint64_t top = first; top < first + (1u << shift); ++top) {
    if (slots_.contains(top << 16 | backend)) return true;
  }
  return false;
}

void FlowEvidence::ForEachSlot(
    uint32_t slots_log2, const std::function<void(uint32_t slot, uint16_t backend)>& visit) const {
  for (const uint64_t named : slots_) {
    visit(static_cast<uint32_t>(named >> 16 >> (LB_SLOTS_LOG2_MAX - slots_log2)),
          static_cast<uint16_t>(named));
  }
}

}  // namespace evenkeel
