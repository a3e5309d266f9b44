// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The accessors of dataplane/forward/table_access.h over the maps of maps.h. A look-up in an array
// map is inlined by the kernel: a bound, a multiplication, an addition; it is null beyond the map's
// end.
#ifndef BPF_MAP_TABLES_H_
#define BPF_MAP_TABLES_H_

#include "bpf/maps.h"
#include "bpf/trial.h"
#include "dataplane/forward/compiler.h"

#define LB_MISSING(record) (!(record))

// One generation, for one packet. Nothing but numbers, so that it may be handed to a subprogram.
struct lb_view {
  uint64_t root_word;
  uint64_t queue;  // whose flow table it is
};

static __always_inline void lb_view_open(struct lb_view* view, uint32_t queue) {
  uint64_t root_word = *(volatile uint64_t*)&lb_root_word;
  if (LB_UNLIKELY(root_word & LB_ROOT_WORD_ON_TRIAL)) root_word = lb_trial_decide(root_word);
  view->root_word = root_word;
  view->queue = queue & (lb_map_sizes.flow_queues - 1);
}

static __always_inline uint32_t lb_view_set(const struct lb_view* view) {
  return LB_ROOT_WORD_SET(view->root_word);
}

static __always_inline const struct lb_params* lb_view_params(const struct lb_view* view) {
  if (!(view->root_word & LB_ROOT_WORD_VALID)) return 0;
  return &lb_params_sets[lb_view_set(view)];
}

static __always_inline void* lb_map_record(void* map, uint32_t index) {
  return bpf_map_lookup_elem(map, &index);
}

#define LB_MAP_ACCESSOR(name, record, kind)                                                      \
  static __always_inline const struct record* name(const struct lb_view* view, uint32_t index) { \
    return (const struct record*)lb_map_record(&lb_##kind,                                       \
                                               lb_view_set(view) * lb_map_sizes.kind + index);   \
  }
LB_MAP_ACCESSOR(lb_view_vip, lb_vip, vips)
LB_MAP_ACCESSOR(lb_view_vip_row, lb_vip_row, vip_rows)
LB_MAP_ACCESSOR(lb_view_port_row, lb_port_row, port_rows)
LB_MAP_ACCESSOR(lb_view_port_range, lb_port_range, port_ranges)
LB_MAP_ACCESSOR(lb_view_service, lb_service, services)
LB_MAP_ACCESSOR(lb_view_backend, lb_backend, backends)
LB_MAP_ACCESSOR(lb_view_transition, lb_transition, transitions)
LB_MAP_ACCESSOR(lb_view_pool, lb_pool, pools)
#undef LB_MAP_ACCESSOR

static __always_inline const lb_slot* lb_view_slot(const struct lb_view* view,
                                                   const struct lb_service* service,
                                                   uint32_t slot) {
  (void)view;
  uint32_t index = (uint32_t)service->plane_word + slot / LB_SLOTS_PER_ROW;
  const struct lb_slot_row* row = (const struct lb_slot_row*)lb_map_record(&lb_slot_rows, index);
  return row ? &row->slot[slot % LB_SLOTS_PER_ROW] : 0;
}

static __always_inline uint64_t lb_view_next_hop(const struct lb_view* view, uint32_t index) {
  const volatile uint64_t* word = (const volatile uint64_t*)lb_map_record(
      &lb_next_hops, lb_view_set(view) * lb_map_sizes.next_hops + index);
  return word ? *word : 0;
}

static __always_inline const uint8_t* lb_view_port_mac(const struct lb_view* view,
                                                       uint64_t next_hop) {
  (void)view;
  return lb_ports[LB_NEXT_HOP_PORT(next_hop)].mac;
}
static __always_inline uint32_t lb_view_backend_count(const struct lb_view* view) {
  (void)view;
  return lb_map_sizes.backends;  // of a set; records that an image doesn't use are zero
}

static __always_inline int lb_view_tracks(const struct lb_view* view) {
  (void)view;
  return lb_map_sizes.flow_buckets > 1;
}
static __always_inline uint64_t lb_view_now(const struct lb_view* view) {
  (void)view;
  return bpf_ktime_get_boot_ns();
}
static __always_inline uint32_t lb_view_flow_mask(const struct lb_view* view) {
  (void)view;
  return lb_map_sizes.flow_buckets - 1;
}
static __always_inline struct lb_flow_bucket* lb_view_flow_bucket(const struct lb_view* view,
                                                                  uint32_t bucket) {
  return (struct lb_flow_bucket*)lb_map_record(
      &lb_flows, (uint32_t)view->queue * lb_map_sizes.flow_buckets + bucket);
}
static __always_inline struct lb_flow_head* lb_view_flow_head(const struct lb_view* view) {
  return (struct lb_flow_head*)lb_map_record(&lb_flow_heads, (uint32_t)view->queue);
}

#endif  // BPF_MAP_TABLES_H_
