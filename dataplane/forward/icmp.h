// ICMP and ICMPv6 that concern a VIP: echo requests are answered, errors about a flow follow the
// flow, and a packet that the tunnel cannot carry is answered with Fragmentation Needed (RFC 1191)
// or Packet Too Big (RFC 8201). Everything else of ICMP is for the kernel.
//
// No reply to link-layer or IP multicast and broadcast, nor to a source that is no single host, and
// no error about an error (RFC 1122, 3.2.2; RFC 4443, 2.4). The rate of errors (RFC 4443, 2.4 (f);
// RFC 1812, 4.3.2.8) is the adapter's to limit, since the core has no state; a reply is never
// longer than what asked for it, so that there is nothing to amplify.
#ifndef DATAPLANE_FORWARD_ICMP_H_
#define DATAPLANE_FORWARD_ICMP_H_

#include <stdint.h>

#include "dataplane/forward/checksum.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/parse.h"
#include "dataplane/forward/wire.h"

enum {
  LB_ICMP_ECHO_REPLY = 0,
  LB_ICMP_UNREACHABLE = 3,
  LB_ICMP_ECHO = 8,
  LB_ICMP_TIME_EXCEEDED = 11,
  LB_ICMP_PARAMETER_PROBLEM = 12,
  LB_ICMP_CODE_FRAGMENTATION_NEEDED = 4,
  LB_ICMPV6_UNREACHABLE = 1,
  LB_ICMPV6_TOO_BIG = 2,
  LB_ICMPV6_PARAMETER_PROBLEM = 4,
  LB_ICMPV6_ECHO = 128,
  LB_ICMPV6_ECHO_REPLY = 129,
};

#define LB_REPLY_TTL 64

// How much of a packet an error quotes: the error then has at most 576 bytes (RFC 1812, 4.3.2.3) or
// 1,280 (RFC 4443, 2.4). Whole 8-byte words, so that the checksum has no tail.
#define LB_QUOTE_IPV4_MAX 544u
#define LB_QUOTE_IPV6_MAX 1232u

// ICMP errors that a worker (on the XDP plane: a CPU) sends at most; what is over is dropped as
// too_big_untold. A sender that was not told sends the packet again.
#define LB_ERRORS_PER_SECOND 100u
#define LB_ERRORS_BURST 100u

LB_INLINE int lb_is_icmp(const struct lb_flow* flow) {
  return flow->protocol == (flow->family == LB_IPV4 ? LB_PROTOCOL_ICMP : LB_PROTOCOL_ICMPV6);
}

LB_INLINE int lb_is_single_host(uint32_t family, struct lb_address address) {
  if (family == LB_IPV4) {
    uint32_t first = (uint8_t)(address.word[1] >> 32);
    return first != 0 && first != 127 && first < 224;
  }
  uint64_t loopback = 1ull << 56;
  if (address.word[0] == 0 && (address.word[1] == 0 || address.word[1] == loopback)) return 0;
  return (uint8_t)address.word[0] != 0xff;
}

// Whether the packet's sender may get an answer at all. The frame holds at least an Ethernet
// header.
LB_INLINE int lb_may_reply(const uint8_t* data, uint32_t family, struct lb_address source) {
  return (data[0] & 1) == 0 && lb_is_single_host(family, source);
}

LB_INLINE int lb_is_icmp_error(uint32_t family, uint32_t type) {
  if (family == LB_IPV4)
    return type == LB_ICMP_UNREACHABLE || type == LB_ICMP_TIME_EXCEEDED ||
           type == LB_ICMP_PARAMETER_PROBLEM;
  return type >= LB_ICMPV6_UNREACHABLE && type <= LB_ICMPV6_PARAMETER_PROBLEM;
}

// The packet that an error quotes went from the VIP to the client: turned round, it names the flow.
// Quoted IPv6 extension headers are not walked: what backends send has none.
LB_INLINE enum lb_reason lb_parse_quoted(const uint8_t* quote, const uint8_t* end, uint32_t length,
                                         struct lb_flow* flow, struct lb_addresses* addresses) {
  struct lb_address vip = addresses->destination;
  uint32_t header_length = sizeof(struct lb_ipv6);
  uint32_t protocol = 0;
  if (flow->family == LB_IPV4) {
    const struct lb_ipv4* ip = (const struct lb_ipv4*)quote;
    if (length < sizeof(*ip) || quote + sizeof(*ip) > end) return LB_REASON_icmp_unmatched;
    header_length = (ip->version_ihl & 15u) * 4;
    if (ip->version_ihl >> 4 != 4 || header_length < sizeof(*ip)) return LB_REASON_icmp_unmatched;
    if (ip->flags_offset & LB_NET16(0x1fff)) return LB_REASON_icmp_unmatched;
    protocol = ip->protocol;
    addresses->source = lb_address_of_ipv4(ip->destination);
    addresses->destination = lb_address_of_ipv4(ip->source);
  } else {
    const struct lb_ipv6* ip = (const struct lb_ipv6*)quote;
    if (length < sizeof(*ip) || quote + sizeof(*ip) > end) return LB_REASON_icmp_unmatched;
    if (LB_NET32(ip->version_class_label) >> 28 != 6) return LB_REASON_icmp_unmatched;
    protocol = ip->next_header;
    addresses->source.word[0] = ip->destination[0];
    addresses->source.word[1] = ip->destination[1];
    addresses->destination.word[0] = ip->source[0];
    addresses->destination.word[1] = ip->source[1];
  }
  if (!lb_same_address(addresses->destination, vip)) return LB_REASON_icmp_unmatched;
  if (protocol != LB_PROTOCOL_TCP && protocol != LB_PROTOCOL_UDP) return LB_REASON_icmp_unmatched;
  const struct lb_udp* ports = (const struct lb_udp*)(quote + header_length);
  if (length < header_length + sizeof(*ports)) return LB_REASON_icmp_unmatched;
  if (quote + header_length + sizeof(*ports) > end) return LB_REASON_icmp_unmatched;
  flow->transport = protocol == LB_PROTOCOL_TCP ? LB_TCP : LB_UDP;
  flow->source_port = ports->destination_port;
  flow->destination_port = ports->source_port;
  flow->flags |= LB_FLOW_ICMP_ERROR | LB_FLOW_HAS_PORTS;
  return LB_REASON_none;
}

// For an error, flow and addresses become those of the flow that it is about.
LB_INLINE enum lb_reason lb_parse_icmp(const uint8_t* data, const uint8_t* end,
                                       struct lb_flow* flow, struct lb_addresses* addresses) {
  const uint8_t* header = lb_l4(data, flow);
  const struct lb_icmp* icmp = (const struct lb_icmp*)header;
  uint32_t length = lb_l4_length(flow);
  if (length < sizeof(*icmp)) return LB_REASON_bad_l4_header;
  if (header + sizeof(*icmp) > end) return LB_REASON_truncated;
  uint32_t type = icmp->type;
  if (lb_is_icmp_error(flow->family, type))
    return lb_parse_quoted(header + sizeof(*icmp), end, length - sizeof(*icmp), flow, addresses);

  // Options would have to be answered too: those echoes are the kernel's.
  uint32_t plain = flow->family == LB_IPV4 ? sizeof(struct lb_ipv4) : sizeof(struct lb_ipv6);
  if (flow->l4_offset != flow->l3_offset + plain) return LB_REASON_icmp_unmatched;
  if (type != (flow->family == LB_IPV4 ? LB_ICMP_ECHO : LB_ICMPV6_ECHO) || icmp->code != 0)
    return LB_REASON_icmp_unmatched;
  if (!lb_may_reply(data, flow->family, addresses->source)) return LB_REASON_icmp_unmatched;
  flow->flags |= LB_FLOW_ECHO;
  return LB_REASON_none;
}

LB_INLINE void lb_swap_macs(struct lb_ethernet* ethernet) {
  uint8_t destination[6];
  __builtin_memcpy(destination, ethernet->destination, sizeof(destination));
  __builtin_memcpy(ethernet->destination, ethernet->source, sizeof(destination));
  __builtin_memcpy(ethernet->source, destination, sizeof(destination));
}

// Turns the request round where it lies. Swapping the addresses leaves every checksum as it was.
LB_INLINE enum lb_reason lb_apply_echo(uint8_t* data, uint8_t* end, const struct lb_flow* flow) {
  uint8_t* header = data + (flow->l3_offset & 31u);
  struct lb_icmp* icmp;
  uint8_t reply_type;
  if (data + sizeof(struct lb_ethernet) > end) return LB_REASON_truncated;
  if (flow->family == LB_IPV4) {
    struct lb_ipv4* ip = (struct lb_ipv4*)header;
    icmp = (struct lb_icmp*)(header + sizeof(*ip));
    if (header + sizeof(*ip) + sizeof(*icmp) > end) return LB_REASON_truncated;
    uint32_t source = ip->source;
    ip->source = ip->destination;
    ip->destination = source;
    uint16_t ttl_before = (uint16_t)(ip->ttl | ip->protocol << 8);
    uint16_t ttl_after = (uint16_t)(LB_REPLY_TTL | ip->protocol << 8);
    ip->checksum = lb_checksum_update(ip->checksum, ttl_before, ttl_after);
    ip->ttl = LB_REPLY_TTL;
    reply_type = LB_ICMP_ECHO_REPLY;
  } else {
    struct lb_ipv6* ip = (struct lb_ipv6*)header;
    icmp = (struct lb_icmp*)(header + sizeof(*ip));
    if (header + sizeof(*ip) + sizeof(*icmp) > end) return LB_REASON_truncated;
    for (int i = 0; i < 2; i++) {
      uint64_t word = ip->source[i];
      ip->source[i] = ip->destination[i];
      ip->destination[i] = word;
    }
    ip->hop_limit = LB_REPLY_TTL;
    reply_type = LB_ICMPV6_ECHO_REPLY;
  }
  icmp->checksum = lb_checksum_update(icmp->checksum, icmp->type, reply_type);
  icmp->type = reply_type;
  lb_swap_macs((struct lb_ethernet*)data);
  return LB_REASON_echo_reply;
}

// Room for the reply to a packet whose outer form would pass `mtu`, or a drop. The reply is the
// frame's own Ethernet header and tags, new IP and ICMP headers, and the quote, which stays where
// it is.
LB_INLINE enum lb_reason lb_decide_too_big(const uint8_t* data, const uint8_t* end,
                                           const struct lb_flow* flow,
                                           struct lb_decision* decision) {
  if (!(flow->flags & LB_FLOW_DONT_FRAGMENT) || (flow->flags & LB_FLOW_ICMP_ERROR))
    return LB_REASON_too_big;
  const uint8_t* header = lb_l3(data, flow);
  struct lb_address source;
  uint32_t quote_max;
  uint32_t grown;
  if (flow->family == LB_IPV4) {
    const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
    if (header + sizeof(*ip) > end) return LB_REASON_truncated;
    source = lb_address_of_ipv4(ip->source);
    quote_max = LB_QUOTE_IPV4_MAX;
    grown = sizeof(struct lb_ipv4) + sizeof(struct lb_icmp);
  } else {
    const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
    if (header + sizeof(*ip) > end) return LB_REASON_truncated;
    source.word[0] = ip->source[0];
    source.word[1] = ip->source[1];
    quote_max = LB_QUOTE_IPV6_MAX;
    grown = sizeof(struct lb_ipv6) + sizeof(struct lb_icmp);
  }
  if (!lb_may_reply(data, flow->family, source)) return LB_REASON_too_big;
  uint32_t quote = flow->ip_length < quote_max ? flow->ip_length & ~7u : quote_max;
  decision->head_delta = (int16_t)grown;
  decision->frame_length = (uint16_t)(flow->l3_offset + grown + quote);
  return LB_REASON_too_big_reply;
}

// Sum of the quote's 32-bit words. `from` to `end` holds at least `length` bytes, a multiple of 8.
LB_INLINE uint64_t lb_sum_quote(const uint8_t* from, const uint8_t* end, uint32_t length) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < LB_QUOTE_IPV6_MAX; i += 8) {
    const struct lb_icmp* words = (const struct lb_icmp*)(from + i);
    if (i >= length || from + i + 8 > end) break;
    sum += (uint32_t)(words->type | words->code << 8 | (uint32_t)words->checksum << 16);
    sum += words->rest;
  }
  return sum;
}

// The Ethernet header and its tags move to the new start, with the addresses swapped.
LB_INLINE enum lb_reason lb_move_l2_turned(uint8_t* data, uint8_t* end, uint32_t grown,
                                           uint32_t l2_length) {
  const uint8_t* old = data + grown;
  if (old + LB_L3_OFFSET_MAX > end) return LB_REASON_truncated;
  uint8_t copy[LB_L3_OFFSET_MAX];
  __builtin_memcpy(copy, old, sizeof(copy));
  __builtin_memcpy(data, copy + 6, 6);
  __builtin_memcpy(data + 6, copy, 6);
  __builtin_memcpy(data + 12, copy + 12, 2);
  if (l2_length > 14) __builtin_memcpy(data + 14, copy + 14, 4);
  if (l2_length > 18) __builtin_memcpy(data + 18, copy + 18, 4);
  return LB_REASON_none;
}

// Writes the error in front of what it quotes. `mtu`: what the sender's packets may have at most.
LB_INLINE enum lb_reason lb_apply_too_big(uint8_t* data, uint8_t* end, const struct lb_flow* flow,
                                          const struct lb_decision* decision, uint32_t mtu) {
  uint32_t l2_length = flow->l3_offset & 31u;
  uint8_t* header = data + l2_length;
  uint32_t quote = decision->frame_length - l2_length - (uint32_t)decision->head_delta;
  if (flow->family == LB_IPV4) {
    uint32_t grown = sizeof(struct lb_ipv4) + sizeof(struct lb_icmp);
    struct lb_ipv4* ip = (struct lb_ipv4*)header;
    struct lb_icmp* icmp = (struct lb_icmp*)(header + sizeof(*ip));
    const struct lb_ipv4* quoted = (const struct lb_ipv4*)(header + grown);
    if (lb_move_l2_turned(data, end, grown, l2_length)) return LB_REASON_no_headroom;
    if (header + grown + sizeof(*quoted) > end) return LB_REASON_no_headroom;
    ip->version_ihl = 0x45;
    ip->tos = 0;
    ip->total_length = LB_NET16(grown + quote);
    ip->identification = 0;
    ip->flags_offset = LB_IPV4_DONT_FRAGMENT;
    ip->ttl = LB_REPLY_TTL;
    ip->protocol = LB_PROTOCOL_ICMP;
    ip->source = quoted->destination;
    ip->destination = quoted->source;
    ip->checksum =
        lb_checksum_fold(0x45ull + ip->total_length + LB_IPV4_DONT_FRAGMENT +
                         (LB_REPLY_TTL | LB_PROTOCOL_ICMP << 8) + ip->source + ip->destination);
    icmp->type = LB_ICMP_UNREACHABLE;
    icmp->code = LB_ICMP_CODE_FRAGMENTATION_NEEDED;
    icmp->rest = LB_NET32(mtu);
    icmp->checksum =
        lb_checksum_fold((LB_ICMP_UNREACHABLE | LB_ICMP_CODE_FRAGMENTATION_NEEDED << 8) +
                         (uint64_t)icmp->rest + lb_sum_quote(header + grown, end, quote));
    return LB_REASON_too_big_reply;
  }
  uint32_t grown = sizeof(struct lb_ipv6) + sizeof(struct lb_icmp);
  struct lb_ipv6* ip = (struct lb_ipv6*)header;
  struct lb_icmp* icmp = (struct lb_icmp*)(header + sizeof(*ip));
  const struct lb_ipv6* quoted = (const struct lb_ipv6*)(header + grown);
  if (lb_move_l2_turned(data, end, grown, l2_length)) return LB_REASON_no_headroom;
  if (header + grown + sizeof(*quoted) > end) return LB_REASON_no_headroom;
  uint32_t payload_length = sizeof(*icmp) + quote;
  ip->version_class_label = LB_NET32(0x60000000u);
  ip->payload_length = LB_NET16(payload_length);
  ip->next_header = LB_PROTOCOL_ICMPV6;
  ip->hop_limit = LB_REPLY_TTL;
  uint64_t sum = (uint64_t)LB_NET32(payload_length) + LB_NET32((uint32_t)LB_PROTOCOL_ICMPV6);
  for (int i = 0; i < 2; i++) {
    uint64_t from = quoted->destination[i];
    uint64_t to = quoted->source[i];
    ip->source[i] = from;
    ip->destination[i] = to;
    sum += (from >> 32) + (uint32_t)from + (to >> 32) + (uint32_t)to;
  }
  icmp->type = LB_ICMPV6_TOO_BIG;
  icmp->code = 0;
  icmp->rest = LB_NET32(mtu);
  icmp->checksum = lb_checksum_fold(sum + LB_ICMPV6_TOO_BIG + icmp->rest +
                                    lb_sum_quote(header + grown, end, quote));
  return LB_REASON_too_big_reply;
}

#endif  // DATAPLANE_FORWARD_ICMP_H_
