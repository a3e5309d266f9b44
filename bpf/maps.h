// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The maps of the XDP twin. Every kind of record lies in one array map that holds LB_SETS sets,
// each a generation's: record i of set s is entry s * lb_map_sizes.KIND + i. The loader gives sizes
// before the program is loaded; the writer fills a set that no packet uses, then flips
// lb_root_word.
//
// All are array maps made with BPF_F_MMAPABLE: the writer fills them by plain stores, and counters
// are read without a system call.
#ifndef BPF_MAPS_H_
#define BPF_MAPS_H_

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lb_shared.h"

// Read once a packet; see lb_shared.h for its bits.
uint64_t lb_root_word SEC(".data.root");
struct lb_trial lb_trial SEC(".data.trial");
struct lb_port lb_ports[LB_PORTS_MAX] SEC(".data.ports");
struct lb_params lb_params_sets[LB_SETS] SEC(".data.params");

// Constants to the verifier, since the loader sets them before the program is loaded.
const volatile struct lb_map_sizes lb_map_sizes = LB_MAP_SIZES_DEFAULT;

// max_entries is the loader's to set (map_layout.h).
#define LB_ARRAY_MAP(name, record)     \
  struct {                             \
    __uint(type, BPF_MAP_TYPE_ARRAY);  \
    __uint(map_flags, BPF_F_MMAPABLE); \
    __uint(max_entries, 1);            \
    __type(key, uint32_t);             \
    __type(value, struct record);      \
  } name SEC(".maps")

struct lb_next_hop_entry {
  uint64_t word;
};
struct lb_root_row {
  uint8_t bytes[LB_ROOT_ROW_BYTES];
};

LB_ARRAY_MAP(lb_vips, lb_vip);
LB_ARRAY_MAP(lb_vip_rows, lb_vip_row);
LB_ARRAY_MAP(lb_port_rows, lb_port_row);
LB_ARRAY_MAP(lb_port_ranges, lb_port_range);
LB_ARRAY_MAP(lb_services, lb_service);
LB_ARRAY_MAP(lb_backends, lb_backend);
LB_ARRAY_MAP(lb_transitions, lb_transition);
LB_ARRAY_MAP(lb_pools, lb_pool);
// Changed also while their set is in use, since a MAC changes without a publication.
LB_ARRAY_MAP(lb_next_hops, lb_next_hop_entry);
// Tables of all generations: a table is a run of rows, the first named by its services' plane_word.
LB_ARRAY_MAP(lb_slot_rows, lb_slot_row);
// The root of each set as it was published: how a restarted evenkeeld learns what runs.
LB_ARRAY_MAP(lb_roots, lb_root_row);

LB_ARRAY_MAP(lb_counters, lb_counter);
// These outlive a program that is replaced by one with larger maps.
LB_ARRAY_MAP(lb_cpus, lb_cpu);
LB_ARRAY_MAP(lb_recent, lb_recent_bucket);
// Tracked flows: bucket b of queue q is entry q * lb_map_sizes.flow_buckets + b.
LB_ARRAY_MAP(lb_flows, lb_flow_bucket);
LB_ARRAY_MAP(lb_flow_heads, lb_flow_head);
// Sampled headers: sample i of CPU c's ring is entry c * LB_SAMPLES_PER_RING + i.
LB_ARRAY_MAP(lb_sample_rings, lb_sample_ring);
LB_ARRAY_MAP(lb_samples, lb_sample);

#endif  // BPF_MAPS_H_
