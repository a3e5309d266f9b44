// Headers as they lie on the wire. Fields are in network order; constants that are compared with
// them are therefore swapped at compile time by LB_NET16(). No header of the system is used: the
// same file compiles for the worker and for the kernel.
#ifndef DATAPLANE_FORWARD_WIRE_H_
#define DATAPLANE_FORWARD_WIRE_H_

#include <stdint.h>

#include "dataplane/forward/compiler.h"
#include "dataplane/table/records.h"

#define LB_NET16(x) ((uint16_t)((((x)&0xffu) << 8) | (((x) >> 8) & 0xffu)))
#define LB_NET32(x) __builtin_bswap32(x)

#define LB_ETHERTYPE_IPV4 LB_NET16(0x0800)
#define LB_ETHERTYPE_IPV6 LB_NET16(0x86dd)
#define LB_ETHERTYPE_VLAN LB_NET16(0x8100)   // 802.1Q
#define LB_ETHERTYPE_SVLAN LB_NET16(0x88a8)  // 802.1ad

enum lb_ip_protocol {
  LB_PROTOCOL_HOP_BY_HOP = 0,
  LB_PROTOCOL_ICMP = 1,
  LB_PROTOCOL_IPV4 = 4,
  LB_PROTOCOL_TCP = 6,
  LB_PROTOCOL_UDP = 17,
  LB_PROTOCOL_IPV6 = 41,
  LB_PROTOCOL_ROUTING = 43,
  LB_PROTOCOL_FRAGMENT = 44,
  LB_PROTOCOL_AH = 51,
  LB_PROTOCOL_ICMPV6 = 58,
  LB_PROTOCOL_DESTINATION_OPTIONS = 60,
};

struct lb_ethernet {
  uint8_t destination[6];
  uint8_t source[6];
  uint16_t type;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_ethernet) == 14, "as on the wire");

// What follows a type that says VLAN: the tag, then the type of what comes next.
struct lb_vlan_tag {
  uint16_t tci;
  uint16_t type;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_vlan_tag) == 4, "as on the wire");

#define LB_IPV4_DONT_FRAGMENT LB_NET16(0x4000)
#define LB_IPV4_FRAGMENT_MASK LB_NET16(0x3fff)  // more fragments, or an offset

struct lb_ipv4 {
  uint8_t version_ihl;
  uint8_t tos;
  uint16_t total_length;
  uint16_t identification;
  uint16_t flags_offset;
  uint8_t ttl;
  uint8_t protocol;
  uint16_t checksum;
  uint32_t source;
  uint32_t destination;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_ipv4) == 20, "as on the wire");

struct lb_ipv6 {
  uint32_t version_class_label;
  uint16_t payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  uint64_t source[2];
  uint64_t destination[2];
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_ipv6) == 40, "as on the wire");

// The first 8 bytes of any IPv6 extension header that the core walks over.
struct lb_ipv6_extension {
  uint8_t next_header;
  uint8_t length;   // 8-byte units beyond the first; AH: 4-byte units beyond the second
  uint16_t detail;  // fragment: offset, reserved bits, more fragments; routing: type, segments left
  uint32_t rest;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_ipv6_extension) == 8, "as on the wire");
#define LB_IPV6_FRAGMENT_MASK LB_NET16(0xfff9)
#define LB_IPV6_SEGMENTS_LEFT_MASK LB_NET16(0x00ff)

struct lb_tcp {
  uint16_t source_port;
  uint16_t destination_port;
  uint32_t sequence;
  uint32_t acknowledgement;
  uint8_t data_offset;  // high four bits, in 4-byte units
  uint8_t flags;
  uint16_t window;
  uint16_t checksum;
  uint16_t urgent;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_tcp) == 20, "as on the wire");
#define LB_TCP_FIN 0x01u
#define LB_TCP_SYN 0x02u
#define LB_TCP_RST 0x04u
#define LB_TCP_ACK 0x10u

struct lb_udp {
  uint16_t source_port;
  uint16_t destination_port;
  uint16_t length;
  uint16_t checksum;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_udp) == 8, "as on the wire");

struct lb_icmp {
  uint8_t type;
  uint8_t code;
  uint16_t checksum;
  uint32_t rest;
} LB_WIRE;
LB_STATIC_ASSERT(sizeof(struct lb_icmp) == 8, "as on the wire");

// An address as the tables hold it: 16 bytes in network order as two words; IPv4 as ::ffff:a.b.c.d.
struct lb_address {
  uint64_t word[2];
};

#define LB_MAPPED_WORD \
  0xffff0000ull  // bytes 8 to 11 of a mapped address, as the low half of word[1]

LB_INLINE struct lb_address lb_address_of_ipv4(uint32_t address) {
  struct lb_address mapped = {{0, ((uint64_t)address << 32) | LB_MAPPED_WORD}};
  return mapped;
}
LB_INLINE uint32_t lb_ipv4_of_address(struct lb_address address) {
  return (uint32_t)(address.word[1] >> 32);
}
LB_INLINE struct lb_address lb_load_address(const uint8_t* bytes) {  // of a record: aligned to 8
  struct lb_address address;
  const uint8_t* aligned = (const uint8_t*)__builtin_assume_aligned(bytes, 8);
  __builtin_memcpy(address.word, aligned, sizeof(address.word));
  return address;
}
LB_INLINE uint32_t lb_load_ipv4(const uint8_t* bytes) {  // of a record: aligned to 4
  uint32_t address;
  const uint8_t* aligned = (const uint8_t*)__builtin_assume_aligned(bytes, 4);
  __builtin_memcpy(&address, aligned, sizeof(address));
  return address;
}
LB_INLINE int lb_same_address(struct lb_address a, struct lb_address b) {
  return ((a.word[0] ^ b.word[0]) | (a.word[1] ^ b.word[1])) == 0;
}

#endif  // DATAPLANE_FORWARD_WIRE_H_
