// The writing step. lb_apply() runs after the adapter has moved the frame's start by `head_delta`
// and cut it to `frame_length`, and writes every byte that leaves: Ethernet with the next hop's
// MAC, the tag of `params.vlan`, the outer header, and the inner TTL.
//
//   IPIP, 4in6 (protocol 4, RFC 2003, RFC 2473), 6in4, 6in6 (protocol 41, RFC 4213, RFC 2473), L2
//   DSR
//
// The outer header: TTL 64, DSCP and ECN as inside (RFC 2003; RFC 6040, normal mode), Don't
// Fragment with identification 0 (an atomic datagram, RFC 6864), and a source that varies with the
// flow, so that the backend's queues share the load; for IPv6 also the flow label (RFC 6438).
#ifndef DATAPLANE_FORWARD_ENCAP_H_
#define DATAPLANE_FORWARD_ENCAP_H_

#include <stdint.h>

#include "dataplane/forward/checksum.h"
#include "dataplane/forward/decide.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/icmp.h"
#include "dataplane/forward/table_access.h"
#include "dataplane/forward/wire.h"

// Outer source = address where the mask is set, else the signature, whose last byte is the address'
// last.
LB_INLINE uint32_t lb_varying_source4(const struct lb_params* params, uint64_t hash) {
  return LB_NET32(lb_hash_signature(hash)) & ~lb_load_ipv4(params->encap_mask4);
}
LB_INLINE struct lb_address lb_outer_source6(const struct lb_params* params, uint64_t hash) {
  struct lb_address address = lb_load_address(params->encap_source6);
  struct lb_address mask = lb_load_address(params->encap_mask6);
  uint64_t varying = (uint64_t)LB_NET32(lb_hash_signature(hash)) << 32;
  address.word[0] &= mask.word[0];
  address.word[1] = (address.word[1] & mask.word[1]) | (varying & ~mask.word[1]);
  return address;
}

// Frame header towards a backend; `type` is that of the IP packet behind it.
LB_INLINE void lb_write_ethernet(uint8_t* data, uint64_t next_hop, const uint8_t* port_mac,
                                 uint32_t vlan, uint16_t type) {
  struct lb_ethernet* ethernet = (struct lb_ethernet*)data;
  __builtin_memcpy(ethernet->destination, &next_hop, sizeof(ethernet->destination));
  __builtin_memcpy(ethernet->source, port_mac, sizeof(ethernet->source));
  if (LB_LIKELY(!vlan)) {
    ethernet->type = type;
    return;
  }
  struct lb_vlan_tag* tag = (struct lb_vlan_tag*)(data + sizeof(*ethernet));
  ethernet->type = LB_ETHERTYPE_VLAN;
  tag->tci = LB_NET16(vlan);
  tag->type = type;
}

// One word changes by one in its high byte: the checksum grows by as much (RFC 1624).
LB_INLINE enum lb_reason lb_decrement_ttl(uint8_t* header, uint8_t* end, uint32_t family) {
  if (LB_LIKELY(family == LB_IPV4)) {
    struct lb_ipv4* ip = (struct lb_ipv4*)header;
    if (header + sizeof(*ip) > end) return LB_REASON_no_headroom;
    uint32_t checksum = (uint32_t)ip->checksum + 1;
    ip->checksum = (uint16_t)(checksum + (checksum >= 0xffff));
    ip->ttl--;
    return LB_REASON_none;
  }
  struct lb_ipv6* ip = (struct lb_ipv6*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_no_headroom;
  ip->hop_limit--;
  return LB_REASON_none;
}

LB_INLINE enum lb_reason lb_write_outer4(uint8_t* header, uint8_t* end,
                                         const struct lb_params* params,
                                         const struct lb_backend* backend,
                                         const struct lb_flow* flow) {
  struct lb_ipv4* ip = (struct lb_ipv4*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_no_headroom;
  uint8_t protocol = flow->family == LB_IPV4 ? LB_PROTOCOL_IPV4 : LB_PROTOCOL_IPV6;
  uint16_t total_length = LB_NET16(sizeof(*ip) + flow->ip_length);
  uint32_t varying = lb_varying_source4(params, flow->hash);
  uint32_t fixed = lb_load_ipv4(params->encap_source4) & lb_load_ipv4(params->encap_mask4);
  ip->version_ihl = 0x45;
  ip->tos = flow->tos;
  ip->total_length = total_length;
  ip->identification = 0;
  ip->flags_offset = LB_IPV4_DONT_FRAGMENT;
  ip->ttl = LB_OUTER_TTL;
  ip->protocol = protocol;
  // In software: XDP has no offload, and both planes must emit the same bytes.
  ip->checksum =
      lb_checksum_fold((uint64_t)backend->outer_sum + ((uint32_t)flow->tos << 8) + total_length +
                       LB_IPV4_DONT_FRAGMENT + ((uint32_t)protocol << 8) + varying);
  ip->source = fixed | varying;
  ip->destination = lb_ipv4_of_address(lb_load_address(backend->address));
  return LB_REASON_none;
}

LB_INLINE enum lb_reason lb_write_outer6(uint8_t* header, uint8_t* end,
                                         const struct lb_params* params,
                                         const struct lb_backend* backend,
                                         const struct lb_flow* flow) {
  struct lb_ipv6* ip = (struct lb_ipv6*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_no_headroom;
  struct lb_address source = lb_outer_source6(params, flow->hash);
  struct lb_address destination = lb_load_address(backend->address);
  uint32_t label = lb_hash_signature(flow->hash) & 0xfffffu;
  ip->version_class_label = LB_NET32(0x60000000u | (uint32_t)flow->tos << 20 | label);
  ip->payload_length = LB_NET16((uint32_t)flow->ip_length);
  ip->next_header = flow->family == LB_IPV4 ? LB_PROTOCOL_IPV4 : LB_PROTOCOL_IPV6;
  ip->hop_limit = LB_OUTER_TTL;
  ip->source[0] = source.word[0];
  ip->source[1] = source.word[1];
  ip->destination[0] = destination.word[0];
  ip->destination[1] = destination.word[1];
  return LB_REASON_none;
}

LB_INLINE enum lb_reason lb_apply_forward(const struct lb_view* view,
                                          const struct lb_params* params, uint8_t* data,
                                          uint8_t* end, const struct lb_flow* flow,
                                          const struct lb_decision* decision) {
  const struct lb_backend* backend = decision->chosen;
  const uint8_t* port_mac = lb_view_port_mac(view, decision->next_hop);
  if (LB_MISSING(backend) || LB_MISSING(port_mac)) return LB_REASON_table_fault;
  uint32_t l2_length = lb_l2_length(params);
  if (data + sizeof(struct lb_ethernet) + sizeof(struct lb_vlan_tag) > end)
    return LB_REASON_no_headroom;
  uint32_t outer = decision->outer_family;
  uint32_t family = outer == LB_FAMILY_NONE ? flow->family : outer;
  lb_write_ethernet(data, decision->next_hop, port_mac, params->vlan,
                    family == LB_IPV4 ? LB_ETHERTYPE_IPV4 : LB_ETHERTYPE_IPV6);
  uint8_t* header = data + l2_length;
  enum lb_reason reason = LB_REASON_none;
  if (LB_LIKELY(outer == LB_IPV4)) {
    reason = lb_write_outer4(header, end, params, backend, flow);
    header += sizeof(struct lb_ipv4);
  } else if (outer == LB_IPV6) {
    reason = lb_write_outer6(header, end, params, backend, flow);
    header += sizeof(struct lb_ipv6);
  }
  if (reason) return reason;
  return lb_decrement_ttl(header, end, flow->family);
}

LB_INLINE enum lb_reason lb_write(const struct lb_view* view, uint8_t* data, uint8_t* end,
                                  const struct lb_flow* flow, const struct lb_decision* decision) {
  const struct lb_params* params = lb_view_params(view);
  if (!params) return LB_REASON_table_fault;
  if (LB_LIKELY(decision->reason == LB_REASON_none))
    return lb_apply_forward(view, params, data, end, flow, decision);
  if (decision->reason == LB_REASON_echo_reply) return lb_apply_echo(data, end, flow);
  return lb_apply_too_big(data, end, flow, decision, params->mtu - lb_outer_length(decision));
}

// Writes the frame, which begins at the new `data`. Only where lb_resolve() said LB_FORWARD or
// LB_REPLY; says the same again, or LB_DROP with `decision->reason` where the adapter's room was
// wrong.
LB_INLINE enum lb_verdict lb_apply(const struct lb_view* view, uint8_t* data, uint8_t* end,
                                   const struct lb_flow* flow, struct lb_decision* decision) {
  enum lb_reason reason = lb_write(view, data, end, flow, decision);
  decision->reason = (uint8_t)reason;
  decision->verdict = (uint8_t)lb_reason_verdict(reason);
  return (enum lb_verdict)decision->verdict;
}

#endif  // DATAPLANE_FORWARD_ENCAP_H_
