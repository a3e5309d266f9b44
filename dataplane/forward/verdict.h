// What can become of a packet, and why. The one list of verdicts and reasons: counters, JSON names
// and `evenkeel drops` come from here. A new reason is one line here, the stage that returns it and
// a case in the corpus.
#ifndef DATAPLANE_FORWARD_VERDICT_H_
#define DATAPLANE_FORWARD_VERDICT_H_

#include <stdint.h>

enum lb_verdict {
  LB_FORWARD = 0,  // to a backend
  LB_REPLY = 1,    // turned round in place, to the sender
  LB_PASS = 2,     // to the kernel
  LB_DROP = 3,
  LB_VERDICTS
};

// X(name, verdict, sentence). The name is the JSON name, so it states the fact.
#define LB_REASONS(X)                                                                        \
  X(none, LB_FORWARD, "forwarded to a backend")                                              \
  X(echo_reply, LB_REPLY, "ICMP echo to a VIP, answered")                                    \
  X(too_big_reply, LB_REPLY, "larger than the tunnel allows, the sender was told the MTU")   \
  X(not_ip, LB_PASS, "not IPv4 or IPv6 (ARP, LLDP ...)")                                     \
  X(no_image, LB_PASS, "no image has been published yet")                                    \
  X(no_service, LB_PASS, "addressed to no VIP")                                              \
  X(vip_unmatched, LB_PASS, "addressed to a VIP, but no service has this protocol and port") \
  X(icmp_unmatched, LB_PASS, "ICMP to a VIP that is no echo and about no flow of a service") \
  X(truncated, LB_DROP, "the frame ends before the headers or the length that they state")   \
  X(bad_ip_header, LB_DROP, "IP version, header length or total length is impossible")       \
  X(bad_l4_header, LB_DROP, "TCP data offset or UDP length is impossible")                   \
  X(too_many_extensions, LB_DROP,                                                            \
    "more IPv6 extension headers than the bound, or a forbidden one")                        \
  X(fragment, LB_DROP, "a fragment of a packet to a VIP")                                    \
  X(ttl_expired, LB_DROP, "TTL or hop limit is used up")                                     \
  X(too_big, LB_DROP, "larger than the tunnel allows and no reply is possible")              \
  X(too_big_untold, LB_DROP,                                                                 \
    "larger than the tunnel allows, and too many senders were told so lately")               \
  X(no_backend, LB_DROP, "the service's pool has no backend")                                \
  X(next_hop_unresolved, LB_DROP, "no MAC address is known for the next hop")                \
  X(no_encap_source, LB_DROP, "no outer source address of the backend's family")             \
  X(no_headroom, LB_DROP, "the adapter found no room for the outer header")                  \
  X(not_linear, LB_DROP, "headers are spread over several buffers")                          \
  X(tx_full, LB_DROP, "the transmit queue stayed full")                                      \
  X(tap_full, LB_DROP, "the queue to the kernel stayed full")                                \
  X(table_fault, LB_DROP, "a record named by the tables is missing: a bug, please report")

enum lb_reason {
#define LB_REASON_ENUM(name, verdict, text) LB_REASON_##name,
  LB_REASONS(LB_REASON_ENUM)
#undef LB_REASON_ENUM
      LB_REASON_COUNT
};

// Each reason has one verdict: two bits apiece, so that asking needs no memory.
#define LB_REASON_BITS(name, verdict, text) | ((uint64_t)(verdict) << (2 * LB_REASON_##name))
#define LB_REASON_VERDICTS (0ull LB_REASONS(LB_REASON_BITS))
static inline enum lb_verdict lb_reason_verdict(enum lb_reason reason) {
  return (enum lb_verdict)((LB_REASON_VERDICTS >> (2 * (uint32_t)reason)) & 3u);
}

#endif  // DATAPLANE_FORWARD_VERDICT_H_
