// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// XDP program of a backend: takes the outer header off packets that the load balancer tunnelled to
// this host, and hands what was inside to the kernel, which finds the VIP on its own loopback and
// answers the client directly. Loaded and configured by evenkeel-decap.
//
// A host that unwraps whatever it gets lets anybody send from any address, past every filter that
// looks at outer headers. So a packet is unwrapped only if its outer destination is an address of
// this host and its inner destination lies in a VIP prefix (where the operator named them).
//
// A new tunnel format is one case in tunnel_of(), which says how long the outer headers are and
// what follows them; the rest of the file stays.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/decap.h"

char LICENSE[] SEC("license") = "GPL";

// Set by the loader before the program is verified.
const volatile bool vips_restricted = false;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, struct decap_address);
  __type(value, __u8);
} local_addresses SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1024);
  __type(key, struct decap_prefix);
  __type(value, __u8);
} vip_prefixes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, DECAP_OUTCOME_COUNT);
  __type(key, __u32);
  __type(value, struct decap_count);
} counts SEC(".maps");

enum {
  kEcnMask = 0x3,
  kEcnNotEct = 0x0,
  kEcnEct1 = 0x1,
  kEcnEct0 = 0x2,
  kEcnCe = 0x3,
  kFragmentMask = 0x3fff,  // more-fragments bit and offset: any of them set is a fragment
  kPrefixBits = 128,
  kOuterLengthMax = 64,
};

// The outer headers of a frame: what was found, and where the inner packet starts and must end.
struct tunnel {
  struct decap_address destination;
  enum decap_outcome kind;  // DECAP_IPIP … DECAP_IP6IP6: how it is counted when all is well
  __u32 length;             // of the outer headers after Ethernet, in bytes
  __u32 payload_length;     // what the outer header claims to carry
  __u8 ecn;
  bool inner_is_ipv6;
};

static __always_inline struct decap_address mapped(__be32 ipv4) {
  struct decap_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
  __builtin_memcpy(&address.bytes[12], &ipv4, sizeof ipv4);
  return address;
}

static __always_inline struct decap_address unmapped(const struct in6_addr* ipv6) {
  struct decap_address address;
  __builtin_memcpy(&address, ipv6, sizeof address);
  return address;
}

// RFC 1071 over a header of 20 bytes: 0 when the header's checksum is right.
static __always_inline __u16 header_checksum(const struct iphdr* ip) {
  const __u16* words = (const __u16*)ip;
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < (int)(sizeof(struct iphdr) / 2); ++i) {
    sum += words[i];
  }
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)~sum;
}

// Both return the tunnel's kind, or the outcome that ends the packet's way through this program.
static __always_inline enum decap_outcome tunnel_of_ipv4(const struct iphdr* ip, void* end,
                                                         struct tunnel* tunnel) {
  if ((void*)(ip + 1) > end) {
    return DECAP_NOT_TUNNELLED;
  }
  if (ip->protocol != IPPROTO_IPIP && ip->protocol != IPPROTO_IPV6) {
    return DECAP_NOT_TUNNELLED;
  }
  tunnel->inner_is_ipv6 = ip->protocol == IPPROTO_IPV6;
  tunnel->kind = tunnel->inner_is_ipv6 ? DECAP_6IN4 : DECAP_IPIP;
  tunnel->destination = mapped(ip->daddr);
  tunnel->ecn = ip->tos & kEcnMask;
  tunnel->length = sizeof *ip;
  __u32 total = bpf_ntohs(ip->tot_len);
  tunnel->payload_length = total - sizeof *ip;
  // The balancer never writes options, so a header that has them is somebody else's.
  if (ip->version != 4 || ip->ihl != 5 || total < sizeof *ip || (void*)ip + total > end) {
    return DECAP_OUTER_MALFORMED;
  }
  if (header_checksum(ip) != 0) {
    return DECAP_OUTER_CHECKSUM;
  }
  if (ip->frag_off & bpf_htons(kFragmentMask)) {
    return DECAP_OUTER_FRAGMENT;
  }
  return tunnel->kind;
}

static __always_inline enum decap_outcome tunnel_of_ipv6(const struct ipv6hdr* ip, void* end,
                                                         struct tunnel* tunnel) {
  if ((void*)(ip + 1) > end) {
    return DECAP_NOT_TUNNELLED;
  }
  if (ip->nexthdr != IPPROTO_IPIP && ip->nexthdr != IPPROTO_IPV6) {
    return DECAP_NOT_TUNNELLED;
  }
  tunnel->inner_is_ipv6 = ip->nexthdr == IPPROTO_IPV6;
  tunnel->kind = tunnel->inner_is_ipv6 ? DECAP_IP6IP6 : DECAP_4IN6;
  tunnel->destination = unmapped(&ip->daddr);
  tunnel->ecn = (ip->flow_lbl[0] >> 4) & kEcnMask;
  tunnel->length = sizeof *ip;
  tunnel->payload_length = bpf_ntohs(ip->payload_len);
  if (ip->version != 6 || (void*)(ip + 1) + tunnel->payload_length > end) {
    return DECAP_OUTER_MALFORMED;
  }
  return tunnel->kind;
}

static __always_inline enum decap_outcome tunnel_of(const struct ethhdr* ethernet, void* end,
                                                    struct tunnel* tunnel) {
  void* network = (void*)(ethernet + 1);
  switch (ethernet->h_proto) {
    case bpf_htons(ETH_P_IP):
      return tunnel_of_ipv4(network, end, tunnel);
    case bpf_htons(ETH_P_IPV6):
      return tunnel_of_ipv6(network, end, tunnel);
    default:
      return DECAP_NOT_TUNNELLED;
  }
}

static __always_inline bool is_local(const struct decap_address* address) {
  return bpf_map_lookup_elem(&local_addresses, address) != NULL;
}

static __always_inline bool is_vip(const struct decap_address* address) {
  if (!vips_restricted) {
    return true;
  }
  struct decap_prefix key = {.length = kPrefixBits, .address = *address};
  return bpf_map_lookup_elem(&vip_prefixes, &key) != NULL;
}

// RFC 6040, figure 4: the inner ECN field as it must leave the tunnel, or -1 for "drop".
static __always_inline int combined_ecn(__u8 outer, __u8 inner) {
  if (inner == kEcnNotEct) {
    return outer == kEcnCe ? -1 : kEcnNotEct;
  }
  if (outer == kEcnCe) {
    return kEcnCe;
  }
  return inner == kEcnEct0 && outer == kEcnEct1 ? kEcnEct1 : inner;
}

// Replaces the ECN field and adapts the header checksum (RFC 1624, equation 3).
static __always_inline void set_ipv4_ecn(struct iphdr* ip, __u8 ecn) {
  __u16 before = ip->tos;  // the low byte of the first word, in network order
  __u16 after = (__u16)((ip->tos & ~kEcnMask) | ecn);
  if (before == after) {
    return;
  }
  __u32 sum = (__u16)~bpf_ntohs(ip->check) + (__u32)(__u16)~before + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  ip->tos = (__u8)after;
  ip->check = bpf_htons((__u16)~sum);
}

static __always_inline void set_ipv6_ecn(struct ipv6hdr* ip, __u8 ecn) {
  ip->flow_lbl[0] = (__u8)((ip->flow_lbl[0] & ~(kEcnMask << 4)) | (ecn << 4));
}

static __always_inline enum decap_outcome accept_ipv4(struct iphdr* ip, void* end,
                                                      const struct tunnel* tunnel) {
  if ((void*)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 ||
      bpf_ntohs(ip->tot_len) < ip->ihl * 4 || bpf_ntohs(ip->tot_len) > tunnel->payload_length) {
    return DECAP_INNER_MALFORMED;
  }
  struct decap_address destination = mapped(ip->daddr);
  if (!is_vip(&destination)) {
    return DECAP_INNER_NOT_VIP;
  }
  int ecn = combined_ecn(tunnel->ecn, ip->tos & kEcnMask);
  if (ecn < 0) {
    return DECAP_ECN_INVALID;
  }
  set_ipv4_ecn(ip, (__u8)ecn);
  return tunnel->kind;
}

static __always_inline enum decap_outcome accept_ipv6(struct ipv6hdr* ip, void* end,
                                                      const struct tunnel* tunnel) {
  if ((void*)(ip + 1) > end || ip->version != 6 ||
      sizeof *ip + bpf_ntohs(ip->payload_len) > tunnel->payload_length) {
    return DECAP_INNER_MALFORMED;
  }
  struct decap_address destination = unmapped(&ip->daddr);
  if (!is_vip(&destination)) {
    return DECAP_INNER_NOT_VIP;
  }
  int ecn = combined_ecn(tunnel->ecn, (ip->flow_lbl[0] >> 4) & kEcnMask);
  if (ecn < 0) {
    return DECAP_ECN_INVALID;
  }
  set_ipv6_ecn(ip, (__u8)ecn);
  return tunnel->kind;
}

// Takes the outer headers out from between Ethernet and the inner packet.
static __always_inline bool unwrap(struct xdp_md* ctx, const struct tunnel* tunnel) {
  void* data = (void*)(long)ctx->data;
  if (data + sizeof(struct ethhdr) > (void*)(long)ctx->data_end) {
    return false;
  }
  struct ethhdr ethernet = *(struct ethhdr*)data;
  ethernet.h_proto = tunnel->inner_is_ipv6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
  if (bpf_xdp_adjust_head(ctx, (int)tunnel->length) != 0) {
    return false;
  }
  data = (void*)(long)ctx->data;
  if (data + sizeof ethernet > (void*)(long)ctx->data_end) {
    return false;
  }
  *(struct ethhdr*)data = ethernet;
  return true;
}

static __always_inline enum decap_outcome decapsulate(struct xdp_md* ctx) {
  void* data = (void*)(long)ctx->data;
  void* end = (void*)(long)ctx->data_end;
  struct tunnel tunnel = {};

  if (data + sizeof(struct ethhdr) > end) {
    return DECAP_NOT_TUNNELLED;
  }
  enum decap_outcome outcome = tunnel_of(data, end, &tunnel);
  if (outcome == DECAP_NOT_TUNNELLED) {
    return outcome;
  }
  // Asked before anything is dropped: a tunnel that ends elsewhere is none of our business.
  if (!is_local(&tunnel.destination)) {
    return DECAP_OUTER_NOT_LOCAL;
  }
  if (outcome != tunnel.kind) {
    return outcome;
  }
  // The verifier loses the bounds of a value that has been on the stack, so they are said again
  // where the compiler cannot see that they hold anyway.
  __u32 length = tunnel.length;
  barrier_var(length);
  if (length > kOuterLengthMax) {
    return DECAP_OUTER_MALFORMED;
  }
  void* inner = data + sizeof(struct ethhdr) + length;
  outcome =
      tunnel.inner_is_ipv6 ? accept_ipv6(inner, end, &tunnel) : accept_ipv4(inner, end, &tunnel);
  if (outcome != tunnel.kind) {
    return outcome;
  }
  return unwrap(ctx, &tunnel) ? tunnel.kind : DECAP_NO_ROOM;
}

SEC("xdp")
int decap(struct xdp_md* ctx) {
  __u64 bytes = ctx->data_end - ctx->data;
  __u32 outcome = decapsulate(ctx);
  struct decap_count* count = bpf_map_lookup_elem(&counts, &outcome);
  if (count != NULL) {
    count->packets += 1;
    count->bytes += bytes;
  }
  return outcome <= DECAP_OUTER_NOT_LOCAL ? XDP_PASS : XDP_DROP;
}
