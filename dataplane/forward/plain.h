// lb_resolve() and lb_apply() at once, for the packet that nearly every packet is: untagged, of a
// flow, to a slot that has not moved, out again untagged. Native only.
//
//   lb_plain_begin(&plain, &view);                        // once a burst
//   if (!lb_plain_find(&plain, &flow, &route)) ...        // lb_resolve(), lb_apply()
//   make room: head grows by route.room; cut the frame to 14 + route.room + flow.ip_length bytes
//   lb_plain_write(&plain, data, &flow, &route);
//
// Plain here is the way in and out; options and extension headers don't matter to it, as they do to
// batch.h.
//
// The same bytes and counters in half the steps: what is the same for the whole burst is looked up
// once, what such a packet cannot be is not asked, and headers leave as words. Whatever it does not
// know at a glance it leaves to the long way, which alone defines what is right:
// tests/dataplane/forward/plain_test.cc holds the two against each other.
#ifndef DATAPLANE_FORWARD_PLAIN_H_
#define DATAPLANE_FORWARD_PLAIN_H_

#include <stdint.h>

#include "dataplane/forward/checksum.h"
#include "dataplane/forward/decide.h"
#include "dataplane/forward/encap.h"

#ifndef __bpf__

// What is put in front of the packet: nothing, or an outer header.
enum lb_plain_outer { LB_PLAIN_L2DSR, LB_PLAIN_OUTER4, LB_PLAIN_OUTER6 };

// What a burst's packets have in common.
struct lb_plain {
  const struct lb_view* view;
  uint64_t port_mac;          // six bytes, the first one lowest
  uint32_t source4;           // of outer headers: the bits that don't vary
  uint32_t source4_varying;   // and which do
  struct lb_address source6;  // the same; only its second word varies
  uint64_t source6_varying;
  uint32_t ip_length_limit[3];  // by lb_plain_outer: inner packets from here on go the long way
};

LB_INLINE uint32_t lb_plain_limit(const struct lb_params* params, uint32_t outer_length) {
  return params->mtu < outer_length ? 0 : params->mtu - outer_length + 1;
}

LB_INLINE void lb_plain_begin(struct lb_plain* plain, const struct lb_view* view) {
  const struct lb_params* params = lb_view_params(view);
  __builtin_memset(plain, 0, sizeof(*plain));
  plain->view = view;
  if (!params || params->vlan) return;
  __builtin_memcpy(&plain->port_mac, view->port_mac, 6);
  uint32_t mask4 = lb_load_ipv4(params->encap_mask4);
  plain->source4 = lb_load_ipv4(params->encap_source4) & mask4;
  plain->source4_varying = ~mask4;
  struct lb_address mask6 = lb_load_address(params->encap_mask6);
  plain->source6 = lb_load_address(params->encap_source6);
  plain->source6.word[0] &= mask6.word[0];
  plain->source6.word[1] &= mask6.word[1];
  plain->source6_varying = ~mask6.word[1];
  plain->ip_length_limit[LB_PLAIN_L2DSR] = lb_plain_limit(params, 0);
  if (lb_has_encap_source(params, LB_IPV4))
    plain->ip_length_limit[LB_PLAIN_OUTER4] = lb_plain_limit(params, sizeof(struct lb_ipv4));
  if (lb_has_encap_source(params, LB_IPV6))
    plain->ip_length_limit[LB_PLAIN_OUTER6] = lb_plain_limit(params, sizeof(struct lb_ipv6));
}

// Where a packet goes.
struct lb_plain_route {
  const struct lb_backend* backend;
  uint64_t next_hop;  // as the plane keeps it
  uint32_t counter;   // of (service, backend)
  uint32_t room;      // bytes by which the frame grows at its head
  enum lb_plain_outer outer;
};

// Only where lb_classify() said LB_FORWARD. False, and nothing has happened: the packet goes the
// long way. Reads only.
LB_INLINE int lb_plain_find(const struct lb_plain* plain, const struct lb_flow* flow,
                            struct lb_plain_route* route) {
  if (flow->l3_offset != sizeof(struct lb_ethernet) || flow->ttl <= 1) return 0;
  if (flow->flags & (LB_FLOW_ECHO | LB_FLOW_ICMP_ERROR)) return 0;
  const struct lb_service* service = lb_view_service(plain->view, flow->service);
  if (service->table == LB_TABLE_NONE) return 0;
  lb_slot slot = *lb_view_slot(plain->view, service, flow->slot);
  if (!lb_is_pure(service, slot) || slot == LB_NONE) return 0;
  const struct lb_backend* backend = lb_view_backend(plain->view, slot);
  uint32_t kind = backend->encap | (uint32_t)backend->family << 8;
  if (LB_LIKELY(kind == (LB_ENCAP_IPIP | LB_IPV4 << 8))) {
    route->outer = LB_PLAIN_OUTER4;
    route->room = sizeof(struct lb_ipv4);
  } else if (kind == (LB_ENCAP_IPIP | LB_IPV6 << 8)) {
    route->outer = LB_PLAIN_OUTER6;
    route->room = sizeof(struct lb_ipv6);
  } else if (backend->encap == LB_ENCAP_L2DSR && backend->family != LB_FAMILY_NONE) {
    route->outer = LB_PLAIN_L2DSR;
    route->room = 0;
  } else {
    return 0;
  }
  if (flow->ip_length >= plain->ip_length_limit[route->outer]) return 0;
  if (backend->next_hop == LB_NONE) return 0;
  route->next_hop = lb_view_next_hop(plain->view, backend->next_hop);
  if (!(route->next_hop & LB_NEXT_HOP_VALID)) return 0;
  route->backend = backend;
  route->counter = service->counter_base + backend->pool_pos;
  return 1;
}

// Frames as they leave, cut into the words that they are written in.
struct lb_plain_ethernet {
  uint64_t macs;    // destination, and two bytes of the source
  uint32_t source;  // the other four
  uint16_t type;
} LB_WIRE;
struct lb_plain_ipv4 {
  struct lb_plain_ethernet ethernet;
  uint64_t version_to_flags;  // version, TOS, length, identification, fragment flags
  uint64_t ttl_to_source;     // TTL, protocol, checksum, source
  uint32_t destination;
} LB_WIRE;
struct lb_plain_ipv6 {
  struct lb_plain_ethernet ethernet;
  uint64_t version_to_hop_limit;  // version, class, label, payload length, next header, hop limit
  uint64_t source[2];
  uint64_t destination[2];
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_plain_ipv4) == 14 + sizeof(struct lb_ipv4), "as on the wire");
LB_STATIC_ASSERT(sizeof(struct lb_plain_ipv6) == 14 + sizeof(struct lb_ipv6), "as on the wire");

LB_INLINE void lb_plain_write_ethernet(const struct lb_plain* plain, uint8_t* data,
                                       uint64_t next_hop, uint16_t type) {
  struct lb_plain_ethernet* ethernet = (struct lb_plain_ethernet*)data;
  ethernet->macs = (next_hop & 0xffffffffffffull) | plain->port_mac << 48;
  ethernet->source = (uint32_t)(plain->port_mac >> 16);
  ethernet->type = type;
}

LB_INLINE void lb_plain_write_outer4(const struct lb_plain* plain, uint8_t* data,
                                     const struct lb_flow* flow, const struct lb_backend* backend) {
  struct lb_plain_ipv4* head = (struct lb_plain_ipv4*)data;
  uint64_t tos = flow->tos;
  uint64_t protocol = flow->family == LB_IPV4 ? LB_PROTOCOL_IPV4 : LB_PROTOCOL_IPV6;
  uint64_t total_length = LB_NET16(sizeof(struct lb_ipv4) + flow->ip_length);
  uint32_t varying = LB_NET32(lb_hash_signature(flow->hash)) & plain->source4_varying;
  uint64_t checksum = lb_checksum_fold(backend->outer_sum + (tos << 8) + total_length +
                                       LB_IPV4_DONT_FRAGMENT + (protocol << 8) + varying);
  head->version_to_flags =
      0x45 | tos << 8 | total_length << 16 | (uint64_t)LB_IPV4_DONT_FRAGMENT << 48;
  head->ttl_to_source =
      LB_OUTER_TTL | protocol << 8 | checksum << 16 | (uint64_t)(plain->source4 | varying) << 32;
  head->destination = lb_ipv4_of_address(lb_load_address(backend->address));
}

LB_INLINE void lb_plain_write_outer6(const struct lb_plain* plain, uint8_t* data,
                                     const struct lb_flow* flow, const struct lb_backend* backend) {
  struct lb_plain_ipv6* head = (struct lb_plain_ipv6*)data;
  struct lb_address destination = lb_load_address(backend->address);
  uint32_t signature = lb_hash_signature(flow->hash);
  uint32_t first_word = LB_NET32(0x60000000u | (uint32_t)flow->tos << 20 | (signature & 0xfffffu));
  uint64_t next_header = flow->family == LB_IPV4 ? LB_PROTOCOL_IPV4 : LB_PROTOCOL_IPV6;
  head->version_to_hop_limit = first_word | (uint64_t)LB_NET16((uint32_t)flow->ip_length) << 32 |
                               next_header << 48 | (uint64_t)LB_OUTER_TTL << 56;
  head->source[0] = plain->source6.word[0];
  head->source[1] =
      plain->source6.word[1] | ((uint64_t)LB_NET32(signature) << 32 & plain->source6_varying);
  head->destination[0] = destination.word[0];
  head->destination[1] = destination.word[1];
}

// Writes the frame that begins at `data`, `route->room` bytes before it used to: the adapter has
// made sure of them.
LB_INLINE void lb_plain_write(const struct lb_plain* plain, uint8_t* data,
                              const struct lb_flow* flow, const struct lb_plain_route* route) {
  uint16_t type = flow->family == LB_IPV4 ? LB_ETHERTYPE_IPV4 : LB_ETHERTYPE_IPV6;
  if (LB_LIKELY(route->outer == LB_PLAIN_OUTER4)) {
    type = LB_ETHERTYPE_IPV4;
    lb_plain_write_outer4(plain, data, flow, route->backend);
  } else if (route->outer == LB_PLAIN_OUTER6) {
    type = LB_ETHERTYPE_IPV6;
    lb_plain_write_outer6(plain, data, flow, route->backend);
  }
  lb_plain_write_ethernet(plain, data, route->next_hop, type);
  uint8_t* inner = data + sizeof(struct lb_ethernet) + route->room;
  (void)lb_decrement_ttl(inner, inner + sizeof(struct lb_ipv6), flow->family);
}

#endif  // __bpf__
#endif  // DATAPLANE_FORWARD_PLAIN_H_
