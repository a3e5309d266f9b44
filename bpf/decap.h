// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// What the decapsulation program (decap.bpf.c, in the kernel) and evenkeel-decap (its loader)
// share: the outcomes that are counted, and the keys of the two maps. Only data; common subset of
// C11 and C++17.
//
// Addresses are 16 bytes in network order; IPv4 is written as mapped (::ffff:a.b.c.d).

#ifndef BPF_DECAP_H_
#define BPF_DECAP_H_

#include <linux/types.h>

// Every frame that the program sees ends in exactly one outcome.
//   X(enumerator, name in the statistics)
#define DECAP_OUTCOMES(X)                                                            \
  /* Handed to the kernel without its outer header. */                               \
  X(DECAP_IPIP, ipip)     /* IPv4 in IPv4, protocol 4 */                             \
  X(DECAP_6IN4, 6in4)     /* IPv6 in IPv4, protocol 41 */                            \
  X(DECAP_4IN6, 4in6)     /* IPv4 in IPv6, next header 4 */                          \
  X(DECAP_IP6IP6, ip6ip6) /* IPv6 in IPv6, next header 41 */                         \
  /* Handed to the kernel as it came. */                                             \
  X(DECAP_NOT_TUNNELLED, not_tunnelled)     /* no IP, or no tunnel protocol */       \
  X(DECAP_OUTER_NOT_LOCAL, outer_not_local) /* a tunnel, but not to this host */     \
  /* Dropped. */                                                                     \
  X(DECAP_OUTER_MALFORMED, outer_malformed) /* truncated, or options in IPv4 */      \
  X(DECAP_OUTER_CHECKSUM, outer_checksum)   /* IPv4 header checksum wrong */         \
  X(DECAP_OUTER_FRAGMENT, outer_fragment)   /* reassembly is not ours to do */       \
  X(DECAP_INNER_MALFORMED, inner_malformed) /* no IP header, or longer than outer */ \
  X(DECAP_INNER_NOT_VIP, inner_not_vip)     /* destination outside --vips */         \
  X(DECAP_ECN_INVALID, ecn_invalid)         /* RFC 6040: CE outside, Not-ECT in */   \
  X(DECAP_NO_ROOM, no_room)                 /* the driver refused to move the head */

enum decap_outcome {
#define DECAP_OUTCOME_ENUMERATOR(enumerator, name) enumerator,
  DECAP_OUTCOMES(DECAP_OUTCOME_ENUMERATOR)
#undef DECAP_OUTCOME_ENUMERATOR
      DECAP_OUTCOME_COUNT
};

struct decap_address {
  __u8 bytes[16];
};

// Key of the longest-prefix-match map; the length counts from the top of the mapped address, so an
// IPv4 prefix /24 is 96 + 24.
struct decap_prefix {
  __u32 length;
  struct decap_address address;
};

struct decap_count {
  __u64 packets;
  __u64 bytes;  // of the frame as it was received
};

#endif  // BPF_DECAP_H_
