// The records of a flow table: what a plane remembers of the connections of slots that have moved.
//
// A table is a power of two of 64-byte buckets; a flow lies in one of two of them, which the low
// bits of its hash and its signature tell. An entry is one aligned 8-byte word and is only ever
// read and written whole, so that control, or the next process, may read a table at any time:
//
//   bits  0-31  signature: bits 32-63 of the flow's hash, so that an entry tells its slot (but
//   where
//               the slot comes from another hash, affinity `client`)
//   bits 32-47  backend index
//   bits 48-60  stamp: the tick of its last packet, modulo 2^13; of a pending one see below
//   bits 61-63  class, and whether it is closing
//
// One writer a table: the worker, or whichever CPU serves the RX queue. Ticks count 2 s of
// CLOCK_BOOTTIME, as the deadlines of transitions do: nobody converts between clocks, and a suspend
// ages everything alike. Ages are compared modulo, so no entry may go unvisited for 16,384 s.
//
// Like records.h in the common subset of C11, C++17 and BPF C.
#ifndef DATAPLANE_TABLE_FLOW_RECORDS_H_
#define DATAPLANE_TABLE_FLOW_RECORDS_H_

#include <stdint.h>

#include "dataplane/table/records.h"

#define LB_FLOW_WAYS 8u
struct lb_flow_bucket {
  uint64_t entry[LB_FLOW_WAYS];
};

// From weak to firm: an entry never displaces a firmer one.
enum lb_flow_class {
  LB_ENTRY_FREE = 0,
  LB_ENTRY_PENDING = 1,  // a SYN was seen
  LB_ENTRY_MISS = 2,     // made for a packet that found no entry
  LB_ENTRY_FIRM = 3,     // a handshake was completed, or a second packet came in a later tick
  LB_ENTRY_CLASSES = 4
};
#define LB_ENTRY_CLOSING 4u  // beside MISS or FIRM: the last packet was a FIN or an RST

#define LB_TICK_NS 2000000000ull
#define LB_TICK_SECONDS 2u
#define LB_STAMP_BITS 13
#define LB_STAMP_MASK 0x1fffu
#define LB_IDLE_S_MAX 14400u  // well within the range of a stamp, 16,384 s

// The stamp of a pending entry: 3 bits of ticks, above them the top 10 bits of the SYN's sequence
// number.
#define LB_PENDING_TICK_MASK 7u
#define LB_PENDING_SEQUENCE_SHIFT 3
#define LB_PENDING_TICKS 6u       // 12 s: how long it may live
#define LB_PENDING_TICKS_FULL 2u  // 4 s: how long it may when another one needs the place
#define LB_PENDING_QUOTA 2u       // of a bucket

static inline uint32_t lb_tick_of(uint64_t now_ns) {
  return (uint32_t)(now_ns / LB_TICK_NS) & LB_STAMP_MASK;
}
static inline uint64_t lb_entry(uint32_t signature, uint32_t backend, uint32_t stamp,
                                uint32_t state) {
  return (uint64_t)signature | (uint64_t)(backend & 0xffffu) << 32 |
         (uint64_t)(stamp & LB_STAMP_MASK) << 48 | (uint64_t)(state & 7u) << 61;
}
static inline uint32_t lb_entry_signature(uint64_t entry) { return (uint32_t)entry; }
static inline uint32_t lb_entry_backend(uint64_t entry) {
  return (uint32_t)(entry >> 32) & 0xffffu;
}
static inline uint32_t lb_entry_stamp(uint64_t entry) {
  return (uint32_t)(entry >> 48) & LB_STAMP_MASK;
}
static inline uint32_t lb_entry_class(uint64_t entry) { return (uint32_t)(entry >> 61) & 3u; }
static inline uint32_t lb_entry_is_closing(uint64_t entry) { return (uint32_t)(entry >> 63); }

static inline uint32_t lb_pending_stamp(uint32_t tick, uint32_t sequence) {
  return (tick & LB_PENDING_TICK_MASK) | (sequence >> 22) << LB_PENDING_SEQUENCE_SHIFT;
}
// Whether a segment may be the one that completes the handshake, or close behind it: within 4 to
// 8 MiB of the SYN's number.
static inline int lb_pending_fits(uint64_t entry, uint32_t sequence) {
  uint32_t begun = lb_entry_stamp(entry) >> LB_PENDING_SEQUENCE_SHIFT;
  return (((sequence >> 22) - begun) & 0x3ffu) <= 1;
}

// In ticks. Not of a free one.
static inline uint32_t lb_entry_age(uint64_t entry, uint32_t tick) {
  uint32_t age = tick - lb_entry_stamp(entry);
  return age & (lb_entry_class(entry) == LB_ENTRY_PENDING ? LB_PENDING_TICK_MASK : LB_STAMP_MASK);
}
// Whether nothing may go by it any more. `idle_ticks`: of its backend's pool (lb_idle_ticks()).
static inline int lb_entry_is_expired(uint64_t entry, uint32_t tick, uint32_t idle_ticks) {
  uint32_t age = lb_entry_age(entry, tick);
  if (lb_entry_class(entry) == LB_ENTRY_PENDING) return age >= LB_PENDING_TICKS;
  return age > idle_ticks;
}
// A packet that comes `idle_s` after the one before finds its entry.
static inline uint16_t lb_idle_ticks(uint32_t idle_s) {
  return (uint16_t)((idle_s + LB_TICK_SECONDS - 1) / LB_TICK_SECONDS);
}

// The other bucket of a flow. An entry can be moved without its hash: this is its own inverse.
static inline uint32_t lb_flow_other_bucket(uint32_t bucket, uint32_t signature, uint32_t mask) {
  return (bucket ^ ((signature * 0x9e3779b1u >> 7) | 1u)) & mask;
}

// Why an entry could not be made.
enum lb_flow_refusal {
  LB_REFUSED_QUOTA = 0,  // two young pending ones in each bucket
  LB_REFUSED_FULL = 1,   // nothing in either bucket may be displaced
  LB_FLOW_REFUSALS = 2
};

// Beside each table: what its writer counts, by enum lb_flow_class where there are four. The
// writer: rw, all others: ro, but for `taken_outside`.
struct lb_flow_head {
  uint64_t occupied[LB_ENTRY_CLASSES];  // now, those included that are too old and not yet swept
  uint64_t inserted[LB_ENTRY_CLASSES];  // FIRM: became firm
  uint64_t evicted[LB_ENTRY_CLASSES];   // displaced before their time
  uint64_t expired;                     // freed by age
  uint64_t refused[LB_FLOW_REFUSALS];   // by enum lb_flow_refusal
  uint64_t next_bucket;                 // of the sweep
  uint64_t sweeps;                      // completed
  // XDP: freed by control's sweep of an idle plane, by it alone written. FREE: by builds that did
  // not tell the class.
  uint64_t taken_outside[LB_ENTRY_CLASSES];
  uint64_t reserved[3];
};

// A table in a file: this header, padded to LB_FLOW_HEADER_BYTES, then the buckets.
#define LB_FLOW_MAGIC 0x53574f4c464b5645ull  // "EVKFLOWS"
#define LB_FLOW_ABI 1u
#define LB_FLOW_HEADER_BYTES 4096u
#define LB_FLOW_ENTRIES_MIN 1024u
#define LB_FLOW_ENTRIES_MAX 268435456u  // 2 GiB a table
struct lb_flow_file {
  uint64_t magic;  // written last
  uint32_t abi;
  uint32_t buckets;     // a power of two
  uint64_t size;        // of the file, bytes
  uint32_t worker;      // whose table it is,
  uint32_t workers;     // of how many
  uint8_t boot_id[16];  // stamps mean nothing in another boot
  uint8_t reserved[80];
  struct lb_flow_head head;
};

LB_STATIC_ASSERT(sizeof(struct lb_flow_bucket) == 64, "one cache line");
LB_STATIC_ASSERT(sizeof(struct lb_flow_head) == 192, "three cache lines");
LB_STATIC_ASSERT(sizeof(struct lb_flow_file) == 128 + 192, "the head is aligned");

#endif  // DATAPLANE_TABLE_FLOW_RECORDS_H_
