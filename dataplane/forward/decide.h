// The two deciding steps of the core: lb_classify() finds service and slot, lb_resolve() backend,
// next hop and the room that the frame needs. forward.h shows how they are called.
#ifndef DATAPLANE_FORWARD_DECIDE_H_
#define DATAPLANE_FORWARD_DECIDE_H_

#include <stdint.h>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/hash.h"
#include "dataplane/forward/icmp.h"
#include "dataplane/forward/match.h"
#include "dataplane/forward/moved.h"
#include "dataplane/forward/parse.h"
#include "dataplane/forward/table_access.h"

// Parse and match. LB_REASON_none: `message` is to be hashed and `matched` is the service (or the
// flow is an echo, see its flags).
LB_INLINE enum lb_reason lb_match_packet(const struct lb_view* view, const uint8_t* data,
                                         const uint8_t* end, struct lb_flow* flow,
                                         struct lb_addresses* addresses,
                                         struct lb_hash_message* message,
                                         const struct lb_service** matched) {
  if (!lb_view_params(view)) return LB_REASON_no_image;
  enum lb_reason reason = lb_parse_ethernet(data, end, flow);
  if (reason) return reason;
  reason = lb_parse_addresses(data, end, flow, addresses);
  if (reason) return reason;

  uint32_t family = flow->family;
  uint32_t vip = lb_find_vip(view, &addresses->destination, family, 0);
  if (vip == LB_VIP_NOT_FOUND) return LB_REASON_no_service;

  reason = family == LB_IPV4 ? lb_parse_ipv4(data, end, flow) : lb_parse_ipv6(data, end, flow);
  if (reason) return reason;
  if (LB_LIKELY(flow->protocol == LB_PROTOCOL_TCP || flow->protocol == LB_PROTOCOL_UDP)) {
    reason = lb_parse_ports(data, end, flow);
  } else if (lb_is_icmp(flow)) {
    reason = lb_parse_icmp(data, end, flow, addresses);
  } else {
    reason = LB_REASON_vip_unmatched;
  }
  if (reason) return reason;
  if (LB_UNLIKELY(flow->flags & LB_FLOW_ECHO)) {
    int answered = lb_vip_answers_echo(view, &addresses->destination, family);
    return answered ? LB_REASON_none : LB_REASON_icmp_unmatched;
  }

  uint32_t transport = flow->transport;
  uint32_t port = LB_NET16(flow->destination_port);
  uint32_t index = lb_match_service(view, LB_VIP_INDEX(vip), transport, port);
  if (LB_UNLIKELY(index == LB_NONE))
    index = lb_match_outer(view, &addresses->destination, family, LB_VIP_PREFIX(vip) + 1,
                           transport << 16 | port);
  if (index == LB_NONE)
    return flow->flags & LB_FLOW_ICMP_ERROR ? LB_REASON_icmp_unmatched : LB_REASON_vip_unmatched;
  const struct lb_service* service = lb_view_service(view, index);
  if (LB_MISSING(service)) return LB_REASON_table_fault;
  flow->service = (uint16_t)index;
  *matched = service;

  lb_hash_message_of(message, flow, addresses, service->affinity == LB_AFFINITY_CLIENT);
  return LB_REASON_none;
}

LB_INLINE void lb_flow_clear(struct lb_flow* flow) {
  __builtin_memset(flow, 0, sizeof(*flow));
  flow->service = LB_NONE;
}

// Parse, match, hash. LB_FORWARD: go on with lb_resolve(); else the packet's fate is known and
// `flow->reason` says why. Reads only.
LB_INLINE enum lb_verdict lb_classify(const struct lb_view* view, const uint8_t* data,
                                      const uint8_t* end, struct lb_flow* flow) {
  struct lb_addresses addresses;
  // The verifier does not know that IPv6 reads what IPv6 has written.
  struct lb_hash_message message = {{0, 0, 0, 0, 0}};
  const struct lb_service* service = 0;
  lb_flow_clear(flow);
  enum lb_reason reason = lb_match_packet(view, data, end, flow, &addresses, &message, &service);
  flow->reason = (uint8_t)reason;
  if (reason || LB_UNLIKELY(flow->flags & LB_FLOW_ECHO)) return lb_reason_verdict(reason);
  const struct lb_params* params = lb_view_params(view);
  if (!params || LB_MISSING(service)) return LB_DROP;
  flow->hash = LB_LIKELY(flow->family == LB_IPV4)
                   ? lb_siphash13(params->hash_key, &message, LB_HASH_WORDS_IPV4)
                   : lb_siphash13(params->hash_key, &message, LB_HASH_WORDS_IPV6);
  flow->slot = (uint32_t)(flow->hash >> (service->slot_shift & 63));
  return LB_FORWARD;
}

#ifndef __bpf__
// For a worker that takes a burst stage by stage: the slot right after lb_classify(), the backend
// when the slot has arrived. Both only where lb_classify() said LB_FORWARD.
LB_INLINE void lb_prefetch_slot(const struct lb_view* view, const struct lb_flow* flow) {
  if (LB_UNLIKELY(flow->flags & LB_FLOW_ECHO)) return;
  LB_PREFETCH(lb_view_slot(view, lb_view_service(view, flow->service), flow->slot));
}
LB_INLINE void lb_prefetch_backend(const struct lb_view* view, const struct lb_flow* flow) {
  if (LB_UNLIKELY(flow->flags & LB_FLOW_ECHO)) return;
  const struct lb_service* service = lb_view_service(view, flow->service);
  if (LB_UNLIKELY(service->table == LB_TABLE_NONE)) return;
  lb_slot slot = *lb_view_slot(view, service, flow->slot);
  LB_PREFETCH(lb_view_backend(view, lb_slot_backend(slot)));
}
#endif

// Bytes of the Ethernet header of frames towards backends.
LB_INLINE uint32_t lb_l2_length(const struct lb_params* params) { return params->vlan ? 18 : 14; }

LB_INLINE uint32_t lb_outer_length(const struct lb_decision* decision) {
  if (decision->outer_family == LB_IPV4) return sizeof(struct lb_ipv4);
  return decision->outer_family == LB_IPV6 ? sizeof(struct lb_ipv6) : 0;
}

LB_INLINE int lb_has_encap_source(const struct lb_params* params, uint32_t family) {
  if (family == LB_IPV6) {
    struct lb_address source = lb_load_address(params->encap_source6);
    return (source.word[0] | source.word[1]) != 0;
  }
  return lb_load_ipv4(params->encap_source4) != 0;
}

LB_INLINE enum lb_reason lb_decide(const struct lb_view* view, const uint8_t* data,
                                   const uint8_t* end, const struct lb_flow* flow,
                                   struct lb_decision* decision) {
  const struct lb_params* params = lb_view_params(view);
  const struct lb_service* service = lb_view_service(view, flow->service);
  if (!params || LB_MISSING(service)) return LB_REASON_table_fault;
  if (LB_UNLIKELY(service->table == LB_TABLE_NONE)) return LB_REASON_no_backend;
  const lb_slot* slot = lb_view_slot(view, service, flow->slot);
  if (LB_MISSING(slot)) return LB_REASON_table_fault;
  uint32_t index = lb_slot_backend(*slot);
  if (index == LB_NONE) return LB_REASON_no_backend;
  decision->counter = service->counter_base;
  if (LB_UNLIKELY(!lb_is_pure(service, *slot))) {
    index = lb_decide_moved(view, data, end, flow, service, *slot, decision);
    if (index == LB_NONE) return LB_REASON_table_fault;
  }
  const struct lb_backend* backend = lb_view_backend(view, index);
  if (LB_MISSING(backend)) return LB_REASON_table_fault;
  if (backend->family == LB_FAMILY_NONE) return LB_REASON_no_backend;
  decision->chosen = backend;
  decision->backend = (uint16_t)index;
  decision->counter += backend->pool_pos;
  if (flow->ttl <= 1) return LB_REASON_ttl_expired;

  decision->encap = backend->encap;
  if (LB_LIKELY(backend->encap == LB_ENCAP_IPIP)) {
    decision->outer_family = backend->family;
    if (!lb_has_encap_source(params, backend->family)) return LB_REASON_no_encap_source;
  }
  uint32_t l2_length = lb_l2_length(params);
  uint32_t packet_length = lb_outer_length(decision) + flow->ip_length;
  if (LB_UNLIKELY(packet_length > params->mtu)) return lb_decide_too_big(data, end, flow, decision);
  if (backend->next_hop == LB_NONE) return LB_REASON_next_hop_unresolved;
  decision->next_hop = lb_view_next_hop(view, backend->next_hop);
  if (!(decision->next_hop & LB_NEXT_HOP_VALID)) return LB_REASON_next_hop_unresolved;
  decision->head_delta = (int16_t)(l2_length + lb_outer_length(decision) - flow->l3_offset);
  decision->frame_length = (uint16_t)(l2_length + packet_length);
  return LB_REASON_none;
}

// Slot -> backend -> what is to be done. Only where lb_classify() said LB_FORWARD. LB_FORWARD and
// LB_REPLY: make room and call lb_apply(); else `decision->reason` says why. Reads only, but for
// the flow table where a slot has moved.
LB_INLINE enum lb_verdict lb_resolve(const struct lb_view* view, const uint8_t* data,
                                     const uint8_t* end, const struct lb_flow* flow,
                                     struct lb_decision* decision) {
  __builtin_memset(decision, 0, sizeof(*decision));
  decision->backend = LB_NONE;
  decision->previous = LB_NONE;
  enum lb_reason reason = LB_UNLIKELY(flow->flags & LB_FLOW_ECHO)
                              ? LB_REASON_echo_reply
                              : lb_decide(view, data, end, flow, decision);
  enum lb_verdict verdict = lb_reason_verdict(reason);
  decision->reason = (uint8_t)reason;
  decision->verdict = (uint8_t)verdict;
  return verdict;
}

#endif  // DATAPLANE_FORWARD_DECIDE_H_
