#include "bpf/flow_sweep.h"

namespace evenkeel {

uint32_t IdleTicksOf(const ImageView& image, uint32_t backend) {
  if (backend >= image.backends().size()) return 0;
  const lb_backend& record = image.backends()[backend];
  if (record.family == LB_FAMILY_NONE) return 0;
  return lb_idle_ticks(image.pools()[record.pool].idle_s);
}

uint64_t SweepFlowTables(const CpuMaps& maps, const ImageView& image, uint32_t tick) {
  const auto heads = maps.flow_heads.As<lb_flow_head>();
  const auto buckets = maps.flows.As<lb_flow_bucket>();
  const size_t buckets_a_queue = buckets.size() / heads.size();
  uint64_t freed = 0;
  for (size_t queue = 0; queue < heads.size(); ++queue) {
    uint64_t taken[LB_ENTRY_CLASSES] = {};
    for (lb_flow_bucket& bucket : buckets.subspan(queue * buckets_a_queue, buckets_a_queue)) {
      for (uint64_t& place : bucket.entry) {
        uint64_t entry = __atomic_load_n(&place, __ATOMIC_RELAXED);
        const uint32_t of_class = lb_entry_class(entry);
        if (of_class == LB_ENTRY_FREE) continue;
        if (!lb_entry_is_expired(entry, tick, IdleTicksOf(image, lb_entry_backend(entry))))
          continue;
        // Relaxed: the word is all that is exchanged.
        taken[of_class] += __atomic_compare_exchange_n(&place, &entry, uint64_t{0}, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
      }
    }
    for (uint32_t i = 0; i < LB_ENTRY_CLASSES; ++i) {
      uint64_t& count = heads[queue].taken_outside[i];
      __atomic_store_n(&count, count + taken[i], __ATOMIC_RELAXED);
      freed += taken[i];
    }
  }
  return freed;
}

}  // namespace evenkeel
