// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// Which UDP flows were seen lately: the rule of dataplane/worker/recent_flows.h, which says what it
// is for, over a map. tests/bpf holds the two against each other.
#ifndef BPF_RECENT_FLOWS_H_
#define BPF_RECENT_FLOWS_H_

#include "bpf/lb_shared.h"
#include "dataplane/forward/flow.h"

#define LB_RECENT_PERIOD_NS (30ull * 1000 * 1000 * 1000)
#define LB_RECENT_PERIOD_MASK 31u
#define LB_RECENT_PERIODS 31u  // 1..31 in a cell; 0: empty

static inline uint64_t lb_recent_signature(const struct lb_flow* flow) {
  uint64_t ports = ((uint64_t)flow->source_port << 16) | flow->destination_port;
  uint64_t mixed = (flow->hash ^ (ports * 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
  return mixed ^ (mixed >> 32);
}

// True when the flow was not seen within the last period or two; it is remembered either way.
static inline int lb_recent_is_new(struct lb_recent_bucket* bucket, uint64_t signature,
                                   uint64_t period) {
  uint32_t mark = (uint32_t)(signature >> 32) & ~LB_RECENT_PERIOD_MASK;
  uint32_t now = 1 + (uint32_t)(period % LB_RECENT_PERIODS);
  uint32_t oldest = 0;
  uint32_t oldest_age = 0;
#ifdef __bpf__
#pragma unroll
#endif
  for (uint32_t i = 0; i < LB_RECENT_WAYS; i++) {
    uint32_t cell = bucket->cell[i];
    uint32_t then = cell & LB_RECENT_PERIOD_MASK;
    uint32_t age = now >= then ? now - then : now + LB_RECENT_PERIODS - then;
    if (cell == 0) age = LB_RECENT_PERIODS;
    if (age <= 1 && (cell & ~LB_RECENT_PERIOD_MASK) == mark) {
      bucket->cell[i] = mark | now;
      return 0;
    }
    if (age > oldest_age) {
      oldest = i;
      oldest_age = age;
    }
  }
  bucket->cell[oldest & (LB_RECENT_WAYS - 1)] = mark | now;
  return 1;
}

#endif  // BPF_RECENT_FLOWS_H_
