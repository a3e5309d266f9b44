// Where the headers are and what they say: Ethernet with up to two tags, IPv4 with options, IPv6
// with a bounded number of extension headers, TCP and UDP. Reads only; every step checks the
// frame's end before it reads and takes lengths from the IP header, so that padding is never taken
// for payload.
//
// Each step returns a reason; LB_REASON_none means: go on. A packet is asked for its destination
// first (lb_parse_addresses), for all else only once that is known to be a VIP: what is for the
// kernel may be as odd as it likes.
#ifndef DATAPLANE_FORWARD_PARSE_H_
#define DATAPLANE_FORWARD_PARSE_H_

#include <stdint.h>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/wire.h"

#define LB_VLAN_TAGS_MAX 2
#define LB_IPV6_EXTENSIONS_MAX 8
#define LB_L3_OFFSET_MAX 22    // Ethernet and two tags
#define LB_L4_OFFSET_MAX 2047  // all extension headers together stay below this
// A client pads the datagram of an Initial to this (RFC 9000, 14.1): it tells QUIC from a chance
// pattern.
#define LB_QUIC_INITIAL_BYTES_MIN 1200

struct lb_addresses {
  struct lb_address source;
  struct lb_address destination;
};

// The verifier forgets what it knew of an offset that went through memory.
LB_INLINE const uint8_t* lb_l3(const uint8_t* data, const struct lb_flow* flow) {
  return data + (flow->l3_offset & 31u);
}
LB_INLINE const uint8_t* lb_l4(const uint8_t* data, const struct lb_flow* flow) {
  return data + (flow->l4_offset & LB_L4_OFFSET_MAX);
}
LB_INLINE uint32_t lb_l4_length(const struct lb_flow* flow) {
  return (uint32_t)flow->ip_length - (uint32_t)(flow->l4_offset - flow->l3_offset);
}

LB_INLINE enum lb_reason lb_parse_ethernet(const uint8_t* data, const uint8_t* end,
                                           struct lb_flow* flow) {
  const struct lb_ethernet* ethernet = (const struct lb_ethernet*)data;
  uint32_t offset = sizeof(*ethernet);
  if (data + offset > end) return LB_REASON_truncated;
  uint16_t type = ethernet->type;
  for (uint32_t i = 0; i < LB_VLAN_TAGS_MAX; i++) {
    if (LB_LIKELY(type != LB_ETHERTYPE_VLAN && type != LB_ETHERTYPE_SVLAN)) break;
    const struct lb_vlan_tag* tag = (const struct lb_vlan_tag*)(data + offset);
    offset += sizeof(*tag);
    if (data + offset > end) return LB_REASON_truncated;
    type = tag->type;
  }
  flow->l3_offset = (uint16_t)offset;
  if (LB_LIKELY(type == LB_ETHERTYPE_IPV4)) {
    flow->family = LB_IPV4;
  } else if (type == LB_ETHERTYPE_IPV6) {
    flow->family = LB_IPV6;
  } else {
    return LB_REASON_not_ip;
  }
  return LB_REASON_none;
}

// The fixed part of the IP header.
LB_INLINE enum lb_reason lb_parse_addresses(const uint8_t* data, const uint8_t* end,
                                            struct lb_flow* flow, struct lb_addresses* addresses) {
  const uint8_t* header = lb_l3(data, flow);
  if (LB_LIKELY(flow->family == LB_IPV4)) {
    const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
    if (header + sizeof(*ip) > end) return LB_REASON_truncated;
    if (ip->version_ihl >> 4 != 4) return LB_REASON_bad_ip_header;
    addresses->source = lb_address_of_ipv4(ip->source);
    addresses->destination = lb_address_of_ipv4(ip->destination);
    flow->tos = ip->tos;
    flow->ttl = ip->ttl;
    flow->protocol = ip->protocol;
    return LB_REASON_none;
  }
  const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_truncated;
  uint32_t first_word = LB_NET32(ip->version_class_label);
  if (first_word >> 28 != 6) return LB_REASON_bad_ip_header;
  addresses->source.word[0] = ip->source[0];
  addresses->source.word[1] = ip->source[1];
  addresses->destination.word[0] = ip->destination[0];
  addresses->destination.word[1] = ip->destination[1];
  flow->tos = (uint8_t)(first_word >> 20);
  flow->ttl = ip->hop_limit;
  flow->protocol = ip->next_header;
  return LB_REASON_none;
}

// Lengths, options, fragments. After lb_parse_addresses(): the fixed header lies within the frame.
LB_INLINE enum lb_reason lb_parse_ipv4(const uint8_t* data, const uint8_t* end,
                                       struct lb_flow* flow) {
  const uint8_t* header = lb_l3(data, flow);
  const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_truncated;
  uint32_t header_length = (ip->version_ihl & 15u) * 4;
  uint32_t total_length = LB_NET16(ip->total_length);
  if (header_length < sizeof(*ip) || total_length < header_length) return LB_REASON_bad_ip_header;
  if (header + total_length > end) return LB_REASON_truncated;
  flow->ip_length = (uint16_t)total_length;
  flow->l4_offset = (uint16_t)(flow->l3_offset + header_length);
  uint16_t flags_offset = ip->flags_offset;
  if (flags_offset & LB_IPV4_FRAGMENT_MASK) return LB_REASON_fragment;
  if (flags_offset & LB_IPV4_DONT_FRAGMENT) flow->flags |= LB_FLOW_DONT_FRAGMENT;
  return LB_REASON_none;
}

LB_INLINE int lb_is_ipv6_extension(uint8_t type) {
  return type == LB_PROTOCOL_HOP_BY_HOP || type == LB_PROTOCOL_ROUTING ||
         type == LB_PROTOCOL_DESTINATION_OPTIONS || type == LB_PROTOCOL_FRAGMENT ||
         type == LB_PROTOCOL_AH;
}

// Walks the extension headers to the one that carries ports. An unknown one ends the walk: then no
// service fits. A hop-by-hop header that isn't first and a routing header with segments left are
// forbidden (RFC 8200, 4.1; the destination is not yet the last one). An atomic fragment is whole
// (RFC 6946).
LB_INLINE enum lb_reason lb_parse_ipv6_extensions(const uint8_t* data, const uint8_t* end,
                                                  struct lb_flow* flow) {
  uint32_t offset = (uint32_t)(flow->l3_offset & 31u) + sizeof(struct lb_ipv6);
  uint32_t packet_end = (uint32_t)flow->l3_offset + flow->ip_length;
  uint8_t type = flow->protocol;
  LB_UNROLL
  for (uint32_t i = 0; i < LB_IPV6_EXTENSIONS_MAX; i++) {
    if (!lb_is_ipv6_extension(type)) break;
    if (offset > LB_L4_OFFSET_MAX) return LB_REASON_too_many_extensions;
    if (type == LB_PROTOCOL_HOP_BY_HOP && i != 0) return LB_REASON_too_many_extensions;
    const struct lb_ipv6_extension* extension = (const struct lb_ipv6_extension*)(data + offset);
    if (offset + sizeof(*extension) > packet_end) return LB_REASON_bad_ip_header;
    if (data + offset + sizeof(*extension) > end) return LB_REASON_truncated;
    uint32_t length = (extension->length + 1u) * 8;
    if (type == LB_PROTOCOL_FRAGMENT) {
      if (extension->detail & LB_IPV6_FRAGMENT_MASK) return LB_REASON_fragment;
      length = sizeof(*extension);
    } else if (type == LB_PROTOCOL_AH) {
      length = (extension->length + 2u) * 4;
    } else if (type == LB_PROTOCOL_ROUTING && (extension->detail & LB_IPV6_SEGMENTS_LEFT_MASK)) {
      return LB_REASON_too_many_extensions;
    }
    type = extension->next_header;
    offset += length;
    if (offset > packet_end) return LB_REASON_bad_ip_header;
  }
  flow->protocol = type;
  flow->l4_offset = (uint16_t)offset;
  if (lb_is_ipv6_extension(type) || offset > LB_L4_OFFSET_MAX) return LB_REASON_too_many_extensions;
  return LB_REASON_none;
}

LB_INLINE enum lb_reason lb_parse_ipv6(const uint8_t* data, const uint8_t* end,
                                       struct lb_flow* flow) {
  const uint8_t* header = lb_l3(data, flow);
  const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
  if (header + sizeof(*ip) > end) return LB_REASON_truncated;
  uint32_t length = LB_NET16(ip->payload_length);
  if (length > 0xffffu - sizeof(*ip)) return LB_REASON_too_big;
  length += sizeof(*ip);
  if (header + length > end) return LB_REASON_truncated;
  flow->ip_length = (uint16_t)length;
  flow->flags |= LB_FLOW_DONT_FRAGMENT;
  return lb_parse_ipv6_extensions(data, end, flow);
}

LB_INLINE int lb_is_quic_initial(const uint8_t* payload, const uint8_t* end) {
  if (payload + LB_QUIC_INITIAL_BYTES_MIN > end) return 0;
  uint32_t version = 0;
  __builtin_memcpy(&version, payload + 1, sizeof(version));
  version = LB_NET32(version);
  if ((payload[0] & 0xc0) != 0xc0 || version == 0) return 0;
  // The type's two bits: 0 in version 1 and its drafts, 1 in version 2 (RFC 9369, 3.2).
  return (payload[0] & 0x30) == (version == 0x6b3343cfu ? 0x10 : 0x00);
}

// TCP or UDP: ports, and whether the packet begins a flow.
LB_INLINE enum lb_reason lb_parse_ports(const uint8_t* data, const uint8_t* end,
                                        struct lb_flow* flow) {
  const uint8_t* header = lb_l4(data, flow);
  uint32_t length = lb_l4_length(flow);
  if (LB_LIKELY(flow->protocol == LB_PROTOCOL_TCP)) {
    const struct lb_tcp* tcp = (const struct lb_tcp*)header;
    if (length < sizeof(*tcp)) return LB_REASON_bad_l4_header;
    if (header + sizeof(*tcp) > end) return LB_REASON_truncated;
    uint32_t header_length = (tcp->data_offset >> 4) * 4u;
    if (header_length < sizeof(*tcp) || header_length > length) return LB_REASON_bad_l4_header;
    flow->transport = LB_TCP;
    flow->source_port = tcp->source_port;
    flow->destination_port = tcp->destination_port;
    flow->flags |= LB_FLOW_HAS_PORTS;
    if ((tcp->flags & (LB_TCP_SYN | LB_TCP_ACK)) == LB_TCP_SYN) flow->flags |= LB_FLOW_NEW;
    return LB_REASON_none;
  }
  const struct lb_udp* udp = (const struct lb_udp*)header;
  if (length < sizeof(*udp)) return LB_REASON_bad_l4_header;
  if (header + sizeof(*udp) > end) return LB_REASON_truncated;
  uint32_t udp_length = LB_NET16(udp->length);
  if (udp_length < sizeof(*udp) || udp_length > length) return LB_REASON_bad_l4_header;
  flow->transport = LB_UDP;
  flow->source_port = udp->source_port;
  flow->destination_port = udp->destination_port;
  flow->flags |= LB_FLOW_HAS_PORTS;
  if (udp_length >= sizeof(*udp) + LB_QUIC_INITIAL_BYTES_MIN &&
      lb_is_quic_initial(header + sizeof(*udp), end))
    flow->flags |= LB_FLOW_NEW;
  return LB_REASON_none;
}

#endif  // DATAPLANE_FORWARD_PARSE_H_
