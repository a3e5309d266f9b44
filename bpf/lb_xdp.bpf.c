// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The XDP twin: the forwarding core of dataplane/forward/ over maps. Every decision is the core's;
// here are only the frame's room, the counters and the way out.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/error_limit.h"
#include "bpf/recent_flows.h"
#include "bpf/sample.h"
#include "dataplane/forward/forward.h"

static __always_inline int count(uint32_t cpu, uint32_t reason, enum lb_verdict verdict) {
  struct lb_cpu* counts = bpf_map_lookup_elem(&lb_cpus, &cpu);
  if (counts) counts->reasons[reason & (LB_CPU_REASONS - 1)] += 1;
  if (verdict == LB_PASS) return XDP_PASS;
  return verdict == LB_DROP ? XDP_DROP : XDP_TX;
}

// A QUIC Initial always counts; it enters the filter too, so that what follows it does not.
static __always_inline int is_new_flow(uint32_t cpu, const struct lb_flow* flow) {
  int first = flow->flags & LB_FLOW_NEW;
  if (flow->protocol != LB_PROTOCOL_UDP) return first;
  uint64_t signature = lb_recent_signature(flow);
  uint32_t index = cpu * LB_RECENT_BUCKETS + (uint32_t)(signature % LB_RECENT_BUCKETS);
  struct lb_recent_bucket* bucket = bpf_map_lookup_elem(&lb_recent, &index);
  if (!bucket) return first;
  return lb_recent_is_new(bucket, signature, bpf_ktime_get_coarse_ns() / LB_RECENT_PERIOD_NS) ||
         first;
}

static __always_inline void count_forwarded(uint32_t cpu, const struct lb_view* view,
                                            const struct lb_flow* flow,
                                            const struct lb_decision* decision) {
  uint32_t index = (cpu * LB_SETS + lb_view_set(view)) * lb_map_sizes.counters + decision->counter;
  struct lb_counter* counter = bpf_map_lookup_elem(&lb_counters, &index);
  if (!counter) return;
  counter->packets += 1;
  counter->bytes += flow->ip_length;
  if (LB_LIKELY(!is_new_flow(cpu, flow))) return;
  counter->new_flows += 1;
  struct lb_cpu* counts = bpf_map_lookup_elem(&lb_cpus, &cpu);
  if (counts) counts->new_flows += 1;
}

static __always_inline int may_send_error(uint32_t cpu) {
  struct lb_cpu* counts = bpf_map_lookup_elem(&lb_cpus, &cpu);
  return counts && lb_error_allowed(counts, bpf_ktime_get_coarse_ns());
}

// Room in front, and the end where the core wants it. 0: done.
static __always_inline int make_room(struct xdp_md* ctx, const struct lb_decision* decision) {
  if (decision->head_delta && bpf_xdp_adjust_head(ctx, -decision->head_delta)) return -1;
  if (!decision->frame_length) return 0;
  int length = (int)(ctx->data_end - ctx->data);
  if (length == decision->frame_length) return 0;
  return (int)bpf_xdp_adjust_tail(ctx, decision->frame_length - length);
}

static __always_inline int send_out(uint64_t next_hop) {
  uint32_t port = LB_NEXT_HOP_PORT(next_hop);
  if (LB_LIKELY(!port)) return XDP_TX;
  return (int)bpf_redirect(lb_ports[port].interface, 0);
}

// There is no timer for it on every kernel that we run on: the packets that use the table pay.
static __always_inline void sweep(const struct lb_view* view) {
  if (!lb_view_tracks(view)) return;
  lb_flow_sweep(view, LB_FLOW_SWEEP_PER_PACKET, lb_tick_of(lb_view_now(view)));
}

SEC("xdp")
int lb_xdp(struct xdp_md* ctx) {
  const uint8_t* data = (const uint8_t*)(long)ctx->data;
  const uint8_t* end = (const uint8_t*)(long)ctx->data_end;
  uint32_t cpu = bpf_get_smp_processor_id();
  struct lb_view view;
  struct lb_flow flow;
  struct lb_decision decision;

  lb_view_open(&view, ctx->rx_queue_index);
  enum lb_verdict verdict = lb_classify(&view, data, end, &flow);
  if (verdict != LB_FORWARD) return count(cpu, flow.reason, verdict);
  verdict = lb_resolve(&view, data, end, &flow, &decision);
  if (LB_UNLIKELY(lb_sample_is_due(cpu)))
    lb_sample_put(ctx, lb_sample_place(&flow, &decision), lb_sample_kind(&flow, &decision),
                  lb_sample_rest(&view, &flow));
  if (verdict != LB_FORWARD && verdict != LB_REPLY) return count(cpu, decision.reason, verdict);
  if (LB_UNLIKELY(decision.state != LB_SLOT_PURE)) sweep(&view);
  if (LB_UNLIKELY(decision.reason == LB_REASON_too_big_reply) && !may_send_error(cpu))
    return count(cpu, LB_REASON_too_big_untold, LB_DROP);
  if (make_room(ctx, &decision)) return count(cpu, LB_REASON_no_headroom, LB_DROP);
  verdict =
      lb_apply(&view, (uint8_t*)(long)ctx->data, (uint8_t*)(long)ctx->data_end, &flow, &decision);
  int action = count(cpu, decision.reason, verdict);
  if (verdict != LB_FORWARD) return action;
  count_forwarded(cpu, &view, &flow, &decision);
  return send_out(decision.next_hop);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
