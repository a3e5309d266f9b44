// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// What the XDP program, its loader and its map writer share beyond dataplane/table/records.h: the
// root word, how many records a set holds, the counters, the ports. Only data; common subset of C11
// and C++17.
#ifndef BPF_LB_SHARED_H_
#define BPF_LB_SHARED_H_

#include <stdint.h>

#include "dataplane/forward/verdict.h"
#include "dataplane/table/flow_records.h"
#include "dataplane/table/records.h"
#include "dataplane/table/sample_records.h"

// Raised with every change of what lies in the maps, so that evenkeeld does not take over pinned
// maps that another version has filled.
#define LB_MAP_ABI 4u

// Generations that the maps hold at a time: the one in use, the one being filled, and those whose
// grace period or trial is not over.
#define LB_SETS 4u

// The root word: bit 63 says that there is an image, bit 62 that it is on trial, bits 0-1 tell the
// set, bits 8-39 hold the low half of its generation. One aligned word, read once a packet: a
// packet sees one generation.
#define LB_ROOT_WORD_VALID (1ull << 63)
#define LB_ROOT_WORD_ON_TRIAL (1ull << 62)
#define LB_ROOT_WORD_SET(word) ((uint32_t)(word) & (LB_SETS - 1u))
#define LB_ROOT_WORD(set, generation) \
  (LB_ROOT_WORD_VALID | ((uint64_t)(uint32_t)(generation) << 8) | (set))

// The trial that bit 62 speaks of. `state` is the latch: whoever swaps it away from armed, the
// program at the deadline or control before it, has decided, and it stays so. The program goes back
// by taking `return_word` for the root word.
enum lb_trial_state {
  LB_TRIAL_NONE = 0,
  LB_TRIAL_ARMED = 1,
  LB_TRIAL_CONFIRMED = 2,
  LB_TRIAL_RETURNED = 3,
};
struct lb_trial {        // the program: `state` rw, else ro; control: rw
  uint64_t state;        // enum lb_trial_state
  uint64_t deadline_ns;  // CLOCK_BOOTTIME
  uint64_t return_word;  // of the way back
  uint64_t id;
  uint64_t generation;  // of the latest image on trial
  uint64_t ended_word;  // root word that the end of the trial left; 0 before
  uint64_t reserved[2];
};
LB_STATIC_ASSERT(sizeof(struct lb_trial) == 64, "one cache line");

#define LB_SLOTS_PER_ROW 16u
struct lb_slot_row {
  uint32_t slot[LB_SLOTS_PER_ROW];
};

// Where frames leave. Port 0 is the interface that the program is attached to; the others are those
// that the routes of next hops name. A next-hop word tells its port in bits 48-51.
#define LB_PORTS_MAX 16u
#define LB_NEXT_HOP_PORT_SHIFT 48
#define LB_NEXT_HOP_PORT(word) ((uint32_t)((word) >> LB_NEXT_HOP_PORT_SHIFT) & (LB_PORTS_MAX - 1u))
struct lb_port {
  uint8_t mac[8];  // source address of frames that leave, first six bytes
  uint32_t interface;
  uint32_t reserved;
};

// Records a set (but for those of a CPU, and the slot rows, which all sets share). The program sees
// constants: the loader sets them, and the maps' sizes, before the program is loaded.
struct lb_map_sizes {
  uint32_t vips;
  uint32_t vip_rows;
  uint32_t port_rows;
  uint32_t port_ranges;
  uint32_t services;
  uint32_t backends;
  uint32_t transitions;
  uint32_t pools;
  uint32_t next_hops;
  uint32_t counters;   // of each CPU
  uint32_t root_rows;  // of 4 KiB: what the writer keeps of the image itself
  uint32_t slot_rows;
  uint32_t cpus;
  // Of the tables of tracked flows, one for each RX queue; both are powers of two.
  uint32_t flow_buckets;  // a queue; 1: flows are not tracked
  uint32_t flow_queues;
};
#define LB_MAP_SIZES_DEFAULT \
  { 256, 512, 1024, 256, 256, 1024, 256, 256, 256, 4096, 64, 65536, 1, 2, 1 }

// A queue's table is its own: its interrupt moves between CPUs, and so do its packets, but one CPU
// at a time serves it. Queues beyond the last share tables, and with generic XDP two CPUs may serve
// one queue: then an update can be lost, but no entry is ever half written.
#define LB_FLOW_QUEUES_MAX 64u
// Buckets that a packet of a moved slot sweeps. Control sweeps what a plane without such packets
// leaves.
#define LB_FLOW_SWEEP_PER_PACKET 4u

// Of one (service, backend) on one CPU: entry (cpu * LB_SETS + set) * sizes.counters + counter.
struct lb_counter {
  uint64_t packets;
  uint64_t bytes;  // of IP, as received: the outer header is not the client's
  uint64_t new_flows;
  uint64_t reserved;
};

// Of one CPU, since the program was first attached. Written by that CPU only.
#define LB_CPU_REASONS 32u
struct lb_cpu {
  uint64_t reasons[LB_CPU_REASONS];  // packets by enum lb_reason
  uint64_t new_flows;
  uint64_t error_credit;  // nanoseconds: see error_limit.h
  uint64_t error_last;
  uint64_t reserved[5];
};
LB_STATIC_ASSERT(LB_REASON_COUNT <= (int)LB_CPU_REASONS, "every reason has a counter");

// Buckets of recent UDP flows of one CPU: see recent_flows.h.
#define LB_RECENT_BUCKETS 16384u
#define LB_RECENT_WAYS 8u
struct lb_recent_bucket {
  uint32_t cell[LB_RECENT_WAYS];
};

// How the writer finds what a set holds, also after a restart: at the start of the set's root rows,
// followed by `table_count` first rows (uint32_t) and, at the next multiple of 64, by the root as
// it was published. The program does not read it.
#define LB_ROOT_ROW_BYTES 4096u
struct lb_set_header {
  uint64_t generation;  // 0: the set is empty; written last
  uint64_t root_size;
  uint32_t table_count;
  uint32_t reserved[11];
};
LB_STATIC_ASSERT(sizeof(struct lb_set_header) == 64, "one cache line");

#endif  // BPF_LB_SHARED_H_
