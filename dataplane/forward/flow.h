// What the core learns about a packet and decides for it: the state between its three steps.
#ifndef DATAPLANE_FORWARD_FLOW_H_
#define DATAPLANE_FORWARD_FLOW_H_

#include <stdint.h>

#include "dataplane/forward/verdict.h"

struct lb_backend;

#define LB_FLOW_NEW 1u  // a first packet: TCP SYN without ACK, QUIC Initial
#define LB_FLOW_HAS_PORTS 2u
#define LB_FLOW_DONT_FRAGMENT \
  4u                     // IPv6, or IPv4 with DF: the sender wants to hear of too small MTUs
#define LB_FLOW_ECHO 8u  // an echo request that a VIP answers: no service, no slot
#define LB_FLOW_ICMP_ERROR \
  16u  // ICMP about the flow: the ports are the flow's, seen from the client

// Written by lb_classify(). Offsets are bytes from the start of the frame. Ports in network order.
struct lb_flow {
  uint64_t hash;  // SipHash-1-3 of INTERFACE's key bytes (after affinity's mask)
  uint32_t slot;
  uint16_t service;  // LB_NONE unless the packet goes to a backend
  uint16_t l3_offset;
  uint16_t l4_offset;
  uint16_t ip_length;  // the IP packet, from its own header: header included, padding not
  uint16_t source_port;
  uint16_t destination_port;
  uint8_t family;     // enum lb_family
  uint8_t protocol;   // IPPROTO_TCP, IPPROTO_UDP, ICMP ...
  uint8_t transport;  // enum lb_transport
  uint8_t tos;        // TOS or traffic class
  uint8_t ttl;
  uint8_t flags;   // LB_FLOW_*
  uint8_t reason;  // enum lb_reason: why, where the verdict is not forward
  uint8_t reserved;
};

// Written by lb_resolve(). The adapter grows (or shrinks) the head by `head_delta` bytes, cuts the
// frame to `frame_length` where that is not 0, and calls lb_apply(), which writes every byte that
// changes.
struct lb_decision {
  const struct lb_backend* chosen;  // the record of `backend`; null unless the verdict is forward
  uint64_t next_hop;                // as kept by the plane: MAC and valid bit
  uint32_t counter;                 // of (service, backend)
  uint16_t backend;
  uint16_t previous;  // LB_NONE without a transition
  int16_t head_delta;
  uint16_t frame_length;
  uint8_t verdict;       // enum lb_verdict
  uint8_t reason;        // enum lb_reason
  uint8_t encap;         // enum lb_encap
  uint8_t outer_family;  // enum lb_family; LB_FAMILY_NONE for l2dsr
  uint8_t state;         // enum lb_slot_state, as this packet found its slot
  uint8_t reserved[7];
};

#endif  // DATAPLANE_FORWARD_FLOW_H_
