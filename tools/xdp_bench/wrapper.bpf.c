// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// What makes BPF_PROG_TEST_RUN repeatable: before each run the frame is put back as it was (its
// start, and the bytes that the program under test writes), its flow is chosen, and the program is
// called. `base` does the same and sends the frame back: what the wrapper itself costs.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "dataplane/forward/wire.h"
#include "tools/xdp_bench/wrapper.h"

struct wrapper_frame frame SEC(".data.frame");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, uint32_t);
} under_test SEC(".maps");

// Every flow comes once in `flows` packets, in an order that no prefetcher follows.
static __always_inline uint32_t next_flow(void) {
  uint32_t flow = frame.flow;
  uint32_t next = flow + frame.step;
  frame.flow = next >= frame.flows ? next - frame.flows : next;
  return flow;
}

static __always_inline int restore(struct xdp_md* ctx) {
  int grown = (int)(ctx->data_end - ctx->data) - (int)frame.length;
  if (grown && bpf_xdp_adjust_head(ctx, grown)) return -1;
  uint8_t* data = (uint8_t*)(long)ctx->data;
  if (data + 64 > (uint8_t*)(long)ctx->data_end) return -1;
  __builtin_memcpy(data, frame.ethernet, 14);
  uint32_t flow = next_flow();
  if (frame.family == LB_IPV4) {
    struct lb_ipv4* ip = (struct lb_ipv4*)(data + 14);
    ip->ttl = 64;
    ip->checksum = 0;
    ip->source = LB_NET32(0x0b000000u + flow);
  } else {
    struct lb_ipv6* ip = (struct lb_ipv6*)(data + 14);
    ip->hop_limit = 64;
    ip->source[1] = flow;
  }
  return 0;
}

SEC("xdp")
int wrapper(struct xdp_md* ctx) {
  if (restore(ctx)) return XDP_ABORTED;
  bpf_tail_call(ctx, &under_test, 0);
  return XDP_ABORTED;
}

SEC("xdp")
int base(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_TX;
}

// The least that any tunnel costs: room for 20 bytes, and the bytes of both headers stored.
SEC("xdp")
int room(struct xdp_md* ctx) {
  if (bpf_xdp_adjust_head(ctx, -20)) return XDP_ABORTED;
  uint8_t* data = (uint8_t*)(long)ctx->data;
  if (data + 34 > (uint8_t*)(long)ctx->data_end) return XDP_ABORTED;
  __builtin_memcpy(data, frame.outer, 34);
  return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
