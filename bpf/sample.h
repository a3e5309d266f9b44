// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// Headers sampled for control, as a worker samples them (dataplane/worker/sampler.h): each CPU has
// a ring of its own, which control reads from the maps' memory.
#ifndef BPF_SAMPLE_H_
#define BPF_SAMPLE_H_

#include "bpf/map_tables.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/parse.h"

// Whether this packet is to be sampled, or the rate was changed: one comparison and one count at
// rest.
static __always_inline int lb_sample_is_due(uint32_t cpu) {
  struct lb_sample_ring* ring = bpf_map_lookup_elem(&lb_sample_rings, &cpu);
  if (!ring) return 0;
  if (LB_UNLIKELY(ring->every != ring->drawn || !ring->skip)) return 1;
  ring->skip -= 1;
  return 0;
}

// What a sample says, in numbers: the subprogram below is handed no pointer into the packet or to a
// decision.
static __always_inline uint64_t lb_sample_place(const struct lb_flow* flow,
                                                const struct lb_decision* decision) {
  return (uint64_t)flow->service | (uint64_t)decision->backend << 16 |
         (uint64_t)flow->ip_length << 32 | (uint64_t)(flow->l3_offset & 31u) << 48 |
         (uint64_t)decision->state << 56;
}
static __always_inline uint64_t lb_sample_kind(const struct lb_flow* flow,
                                               const struct lb_decision* decision) {
  return (uint64_t)flow->source_port | (uint64_t)flow->destination_port << 16 |
         (uint64_t)flow->family << 32 | (uint64_t)flow->protocol << 40 |
         (uint64_t)flow->flags << 48 | (uint64_t)decision->reason << 56;
}
static __always_inline uint64_t lb_sample_rest(const struct lb_view* view,
                                               const struct lb_flow* flow) {
  return (uint64_t)(uint32_t)(view->root_word >> 8) | (uint64_t)flow->l4_offset << 32 |
         (uint64_t)flow->ttl << 48;
}

static __always_inline int lb_sample_addresses(const uint8_t* header, const uint8_t* end,
                                               struct lb_sample* sample) {
  if (sample->family == LB_IPV6) {
    const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
    if (header + sizeof(*ip) > end) return 0;
    __builtin_memcpy(sample->source, ip->source, 16);
    __builtin_memcpy(sample->destination, ip->destination, 16);
    return 1;
  }
  const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
  if (header + sizeof(*ip) > end) return 0;
  __builtin_memset(sample->source, 0, 32);
  sample->source[10] = sample->source[11] = 0xff;
  sample->destination[10] = sample->destination[11] = 0xff;
  __builtin_memcpy(sample->source + 12, &ip->source, 4);
  __builtin_memcpy(sample->destination + 12, &ip->destination, 4);
  return 1;
}

// Where lb_sample_is_due(), before the frame is changed. By itself, so that the verifier meets it
// once.
LB_SUBPROGRAM int lb_sample_put(struct xdp_md* ctx, uint64_t place, uint64_t kind, uint64_t rest) {
  uint32_t cpu = bpf_get_smp_processor_id();
  struct lb_sample_ring* ring = bpf_map_lookup_elem(&lb_sample_rings, &cpu);
  if (!ring) return 0;
  uint64_t skip = ring->skip;
  uint32_t every = ring->every;
  int is_due = every && every == ring->drawn && !skip;
  ring->drawn = every;
  ring->skip = every ? lb_sample_skip(bpf_get_prandom_u32(), every) : ~0ull;
  // A rate that was just asked for begins with a skip of its own.
  if (!is_due && every && !ring->skip) is_due = 1;
  if (!is_due) {
    if (every) ring->skip -= 1;
    return 0;
  }
  uint32_t flags = (uint8_t)(kind >> 48);
  if (flags & (LB_FLOW_ECHO | LB_FLOW_ICMP_ERROR)) return 0;
  if (ring->head - ring->tail >= LB_SAMPLES_PER_RING) {
    ring->dropped += 1;
    if (ring->skip < LB_SAMPLE_BACK_OFF) ring->skip += LB_SAMPLE_BACK_OFF;
    return 0;
  }
  uint32_t index = cpu * LB_SAMPLES_PER_RING + ((uint32_t)ring->head & (LB_SAMPLES_PER_RING - 1u));
  struct lb_sample* sample = bpf_map_lookup_elem(&lb_samples, &index);
  if (!sample) return 0;
  sample->family = (uint8_t)(kind >> 32);
  const uint8_t* data = (const uint8_t*)(long)ctx->data;
  const uint8_t* end = (const uint8_t*)(long)ctx->data_end;
  if (!lb_sample_addresses(data + ((place >> 48) & 31u), end, sample)) return 0;
  sample->source_port = (uint16_t)kind;
  sample->destination_port = (uint16_t)(kind >> 16);
  sample->ip_length = (uint16_t)(place >> 32);
  sample->service = (uint16_t)place;
  sample->backend = (uint16_t)(place >> 16);
  sample->protocol = (uint8_t)(kind >> 40);
  sample->flags = (uint8_t)flags;
  sample->tcp_flags = 0;
  const uint8_t* l4 = data + ((rest >> 32) & LB_L4_OFFSET_MAX);
  if (sample->protocol == LB_PROTOCOL_TCP && l4 + sizeof(struct lb_tcp) <= end)
    sample->tcp_flags = ((const struct lb_tcp*)l4)->flags;
  sample->ttl = (uint8_t)(rest >> 48);
  sample->reason = (uint8_t)(kind >> 56);
  sample->state = (uint8_t)(place >> 56);
  sample->every = every;
  sample->generation = (uint32_t)rest;
  // A full barrier: who sees the new head sees the record.
  __sync_fetch_and_add(&ring->head, 1);
  return 0;
}

#endif  // BPF_SAMPLE_H_
