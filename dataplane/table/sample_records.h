// Headers sampled by the planes: of one packet in N, chosen at random among those that matched a
// service, what is needed to decide it again, and what became of it. Each worker (XDP: each CPU)
// writes a ring of its own, control reads them all; a full ring loses the sample, never the packet.
//
// Not sampled: ICMP errors and echo requests, which are of no flow of their own, and what is
// refused before its service is known.
//
// Like records.h in the common subset of C11, C++17 and BPF C.
#ifndef DATAPLANE_TABLE_SAMPLE_RECORDS_H_
#define DATAPLANE_TABLE_SAMPLE_RECORDS_H_

#include <stdint.h>

#include "dataplane/table/records.h"

// The flow rather than the frame: its fields decide, they fit into one cache line, and no payload
// leaves the plane. The length is the IP header's, so that a packet too big for the tunnel is one
// again.
struct lb_sample {
  uint8_t source[16];  // IPv4 mapped, as everywhere
  uint8_t destination[16];
  uint16_t source_port;  // network order, as destination_port
  uint16_t destination_port;
  uint16_t ip_length;
  uint16_t service;   // index in the image of `generation`
  uint16_t backend;   // index, a lease; LB_NONE: none
  uint8_t family;     // enum lb_family
  uint8_t protocol;   // IPPROTO_TCP, IPPROTO_UDP
  uint8_t flags;      // LB_FLOW_*: LB_FLOW_NEW, LB_FLOW_DONT_FRAGMENT count here
  uint8_t tcp_flags;  // 0 where it is no TCP
  uint8_t ttl;        // as it came
  uint8_t reason;     // enum lb_reason: none where it was forwarded
  uint8_t state;      // enum lb_slot_state of its slot
  uint8_t reserved[7];
  uint32_t every;       // one packet in so many was sampled then
  uint32_t generation;  // low half
};
LB_STATIC_ASSERT(sizeof(struct lb_sample) == 64, "one cache line");

// A power of two. Control reads once a second and asks for a few thousand samples of all rings.
#define LB_SAMPLES_PER_RING 4096u
// A full ring is looked at again so many packets later at the soonest.
#define LB_SAMPLE_BACK_OFF 4096u

struct lb_sample_ring {
  // The writer: rw, control: ro.
  uint64_t head;     // samples written, ever
  uint64_t dropped;  // that found the ring full
  uint64_t skip;     // XDP: packets until the next one; a worker keeps its own
  uint64_t drawn;    // XDP: the rate that `skip` was drawn for
  uint64_t reserved0[4];
  // Control: rw, the writer: ro, to whom any value is harmless.
  uint64_t tail;   // samples read, ever
  uint32_t every;  // one packet in so many; 0: none
  uint32_t reserved1;
  uint64_t reserved2[6];
};
LB_STATIC_ASSERT(sizeof(struct lb_sample_ring) == 128, "two cache lines, one a side");

// Packets to pass over before the next sample, uniform from 0 to 2N - 2: N apart on average, and
// in step with nothing. `random`: 32 bits; `every`: 1 and more.
static inline uint64_t lb_sample_skip(uint32_t random, uint32_t every) {
  return ((uint64_t)random * (2ull * (every & 0x7fffffffu) - 1)) >> 32;
}

#endif  // DATAPLANE_TABLE_SAMPLE_RECORDS_H_
