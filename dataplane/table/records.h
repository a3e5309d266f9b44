// The records of an image: what control publishes and every plane forwards by.
//
// An image is one root (this header, then sections of the records below) and the tables it names.
// Plain data in the common subset of C11, C++17 and BPF C: no pointers, no padding that a compiler
// may choose, little endian unless a comment says "network order". The same structs lie in the
// shared memory of the DPDK plane and in the maps of the XDP twin.
//
// Addresses are 16 bytes in network order; an IPv4 address is the mapped ::ffff:a.b.c.d.
#ifndef DATAPLANE_TABLE_RECORDS_H_
#define DATAPLANE_TABLE_RECORDS_H_

#include <stdint.h>

#ifdef __cplusplus
#define LB_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define LB_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define LB_IMAGE_MAGIC 0x544f4f524c4b5645ull  // "EVKLROOT"
#define LB_IMAGE_ABI 2u

#define LB_SERVICES_MAX 4096u
#define LB_VIPS_MAX 4096u
#define LB_POOLS_MAX 4096u
#define LB_BACKENDS_MAX 65535u  // indices 0..65534; a lease is node-wide
#define LB_NEXT_HOPS_MAX 4096u
#define LB_PREFIX_LENGTHS_MAX 16u  // distinct prefix lengths a family
#define LB_SLOTS_LOG2_MIN 12u
#define LB_SLOTS_LOG2_MAX 20u
#define LB_NONE 0xffffu  // no service, no backend, no next hop
// Table of a pool in which nobody has slots: its services answer no_backend.
#define LB_TABLE_NONE 0xffffffffu
#define LB_OUTER_TTL 64u  // of every outer header

enum lb_family { LB_FAMILY_NONE = 0, LB_IPV4 = 4, LB_IPV6 = 6 };

// Index of a transport protocol in per-protocol arrays of records.
enum lb_transport { LB_TCP = 0, LB_UDP = 1, LB_TRANSPORTS = 2 };

enum lb_encap {
  LB_ENCAP_NONE = 0,
  LB_ENCAP_IPIP = 1,   // IPIP, 6in4, 4in6 or 6in6: the outer family follows the backend's address
  LB_ENCAP_L2DSR = 2,  // destination MAC rewritten, nothing added
};

enum lb_backend_state { LB_BACKEND_UP = 0, LB_BACKEND_SUSPECT = 1, LB_BACKEND_DEAD = 2 };

enum lb_slot_state { LB_SLOT_PURE = 0, LB_SLOT_OPEN = 1, LB_SLOT_TAIL = 2 };

enum lb_fill { LB_FILL_EXACT = 0, LB_FILL_MAGLEV = 1 };

// A slot of a table: 16 bits of backend index, 16 bits of reference into the root's transitions (0:
// pure).
typedef uint32_t lb_slot;
static inline uint16_t lb_slot_backend(lb_slot slot) { return (uint16_t)slot; }
static inline uint16_t lb_slot_transition(lb_slot slot) { return (uint16_t)(slot >> 16); }

// Parameters that every packet needs; one record a generation.
struct lb_prefix_mask {
  uint64_t word[2];  // byte mask of a 16-byte address, as it lies in memory
};
struct lb_params {
  uint64_t hash_key[2];  // SipHash key, from the cluster's key file
  // Outer source = (address & mask) | (bits of the flow's signature & ~mask), byte by byte.
  uint8_t encap_source4[4];
  uint8_t encap_mask4[4];
  uint8_t encap_source6[16];
  uint8_t encap_mask6[16];
  uint16_t mtu;         // largest IP packet on the segment towards the backends, bytes
  uint16_t client_mtu;  // largest IP packet towards the clients, bytes
  uint16_t vlan;        // 1..4094: tag of frames towards the backends; 0: untagged
  uint16_t reserved0;
  // Matching: see lb_vip_row and lb_port_row.
  uint32_t vip_row_mask;  // rows are a power of two
  uint32_t port_row_mask;
  uint32_t vip_seed;
  uint32_t port_seed;
  // A prefix index (its place in `prefix`, the same in lb_vip_hash) tells the length.
  uint32_t prefix_count[2];                                // [0] IPv4, [1] IPv6
  struct lb_prefix_mask prefix[2][LB_PREFIX_LENGTHS_MAX];  // longest first
  uint64_t generation;
};
LB_STATIC_ASSERT(sizeof(struct lb_params) == 16 + 40 + 8 + 16 + 8 + 512 + 8, "lb_params is packed");

// A VIP prefix. Ports: exact ones in the port rows, then ranges, then the catch-all.
#define LB_VIP_ANSWERS_ECHO 1u  // one of its services has a pool with a backend that owns slots
struct lb_vip {
  uint8_t address[16];
  uint8_t prefix_length;                // of 128
  uint8_t family;                       // enum lb_family
  uint8_t prefix_index;                 // into lb_params.prefix[family]
  uint8_t flags;                        // LB_VIP_*
  uint16_t any_service[LB_TRANSPORTS];  // LB_NONE: no catch-all
  uint16_t reserved0[4];
  uint32_t range_first[LB_TRANSPORTS];  // into LB_SECTION_PORT_RANGES
  uint32_t range_count[LB_TRANSPORTS];
  uint8_t reserved[16];
};
LB_STATIC_ASSERT(sizeof(struct lb_vip) == 64, "one cache line");

// Hash rows of four cells: a look-up reads one row. The builder picks seed and row count such that
// no row overflows. A VIP cell: low 16 bits VIP index + 1 (0: empty), high 16 bits a tag of the
// hash.
#define LB_ROW_CELLS 4
struct lb_vip_row {
  uint32_t cell[LB_ROW_CELLS];
};
// A port cell: bits 0-15 VIP index, 16-31 port (host order), 32-47 service, 48-55 transport, 56
// used.
struct lb_port_row {
  uint64_t cell[LB_ROW_CELLS];
};

// The hashes of the two kinds of row, part of the format: row = hash & row_mask, tag = hash >> 48.
// Not a defence by itself: rows are bounded, so a crafted miss costs four compares.
static inline uint64_t lb_match_mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9e3779b97f4a7c15ull;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9ull;
  return x ^ (x >> 32);
}
// `w0`, `w1`: the masked address as it lies in memory.
static inline uint64_t lb_vip_hash(uint32_t seed, uint64_t w0, uint64_t w1, uint32_t prefix_index) {
  return lb_match_mix(w1 + (w0 * 0x9fb21c651e98df25ull) + (((uint64_t)seed << 8) | prefix_index));
}
// The cell's key of lb_port_row: VIP index, port and transport in their places, service left 0.
static inline uint64_t lb_port_key(uint32_t vip, uint32_t port, uint32_t transport) {
  return (uint64_t)vip | ((uint64_t)port << 16) | ((uint64_t)transport << 48) | (1ull << 56);
}
static inline uint64_t lb_port_hash(uint32_t seed, uint64_t key) {
  return lb_match_mix(key + ((uint64_t)seed << 32));
}
#define LB_PORT_KEY_MASK 0xffff0000ffffffffull  // a cell without its service
static inline uint16_t lb_port_cell_service(uint64_t cell) { return (uint16_t)(cell >> 32); }

// Sorted by `low` within a VIP and transport, disjoint; ports in host order, both ends included.
struct lb_port_range {
  uint16_t low;
  uint16_t high;
  uint16_t service;
  uint16_t reserved;
};

enum lb_affinity { LB_AFFINITY_FLOW = 0, LB_AFFINITY_CLIENT = 1 };

struct lb_service {
  uint64_t id;            // first 8 bytes, little endian, of SHA-256 of the service's name
  uint64_t plane_word;    // 0 in an image; a plane's own copy holds what finds the slots (native:
                          // their address; XDP: the first row of the table in the slot map)
  uint32_t counter_base;  // counter of (service, backend) = counter_base + lb_backend.pool_pos
  uint32_t table;  // index into LB_SECTION_TABLES: the pool's effective table; or LB_TABLE_NONE
  uint16_t pool;
  uint16_t vip;
  uint8_t transport;   // enum lb_transport
  uint8_t affinity;    // enum lb_affinity
  uint8_t slot_shift;  // slot = hash >> slot_shift = 64 - log2(slots)
  uint8_t family;      // of the VIP
  // A structural change (another pool, affinity, number of slots, or a match carved out of another
  // service): until `former_until_ns` an untracked packet that is no first one is resolved by the
  // service record `former`, which no match names. LB_NONE: no such change is under way.
  uint16_t former;
  uint16_t reserved0;
  uint32_t reserved1;
  uint64_t former_until_ns;  // CLOCK_BOOTTIME
  uint8_t reserved[16];
};
LB_STATIC_ASSERT(sizeof(struct lb_service) == 64, "one cache line");

struct lb_pool {
  uint64_t id;            // as lb_service.id, over the pool's name
  uint32_t table;         // effective table (with overlay and transitions); or LB_TABLE_NONE
  uint32_t base_table;    // the fill itself: quotas and digest are its; or LB_TABLE_NONE
  uint32_t member_first;  // into LB_SECTION_MEMBERS
  uint32_t member_count;
  uint32_t idle_s;
  uint8_t slots_log2;
  uint8_t fill;  // enum lb_fill
  uint8_t reserved[34];
};
LB_STATIC_ASSERT(sizeof(struct lb_pool) == 64, "one cache line");

// Backend of a pool, in the order of lb_backend.pool_pos. Leaving ones have no slots.
struct lb_member {
  uint16_t backend;
  uint16_t reserved;
  uint32_t weight;  // as configured; 0 for a drained one
  uint32_t slots;   // stated quota in the base table: a plane counts them before it swaps
  uint32_t reserved1;
};
LB_STATIC_ASSERT(sizeof(struct lb_member) == 16, "packed");

#define LB_BACKEND_LEAVING 1u  // no longer configured, still named by flows
#define LB_BACKEND_DRAINED 2u

#define LB_RAMP_STEPS 8u  // steps of a slow start

// The section of backends is indexed by lease; `family == LB_FAMILY_NONE` marks an index not in
// use.
struct lb_backend {
  uint8_t address[16];
  uint64_t id;  // first 8 bytes, little endian, of SHA-256 of `address`
  uint16_t pool;
  uint16_t pool_pos;  // position among its pool's members
  uint16_t next_hop;  // into LB_SECTION_NEXT_HOPS
  uint8_t encap;      // enum lb_encap
  uint8_t family;     // of `address`
  uint8_t state;      // enum lb_backend_state
  uint8_t flags;      // LB_BACKEND_*
  uint16_t reserved0;
  uint32_t outer_sum;  // lb_outer_sum() of `address`; 0 where no outer IPv4 header is written
  uint8_t withheld;    // of LB_RAMP_STEPS: what a slow start keeps from it; planes don't read it
  uint8_t reserved[23];
};
LB_STATIC_ASSERT(sizeof(struct lb_backend) == 64, "one cache line");

// Sum of the 16-bit words, as a little-endian machine reads them, of the outer IPv4 header that do
// not depend on the packet: version and header length, LB_OUTER_TTL, the source under its mask, the
// destination. Left out, to be added with the packet: TOS, total length, identification, flags,
// protocol and the varying part of the source.
static inline uint32_t lb_outer_sum(const struct lb_params* params, const uint8_t* destination4) {
  uint32_t sum = 0x45u + LB_OUTER_TTL;
  for (int i = 0; i < 4; i += 2) {
    sum += (uint32_t)(params->encap_source4[i] & params->encap_mask4[i]) |
           (uint32_t)(params->encap_source4[i + 1] & params->encap_mask4[i + 1]) << 8;
    sum += (uint32_t)destination4[i] | (uint32_t)destination4[i + 1] << 8;
  }
  return sum;
}

struct lb_next_hop {
  uint8_t address[16];
  uint8_t static_mac[6];  // used when has_static_mac; else the kernel's neighbour table decides
  uint8_t has_static_mac;
  uint8_t family;
};
LB_STATIC_ASSERT(sizeof(struct lb_next_hop) == 24, "packed");

// What a plane keeps for each next hop, outside the root, since it changes without a publication:
// bits 0-47 the MAC (first byte lowest), bits 48-51 the port that it leaves by (XDP; 0: the one it
// came by), bit 63 valid. One aligned word: never seen half written.
#define LB_NEXT_HOP_VALID (1ull << 63)
static inline uint64_t lb_next_hop_word(const uint8_t* mac) {
  uint64_t word = 0;
  __builtin_memcpy(&word, mac, 6);
  return word | LB_NEXT_HOP_VALID;
}

// What a slot that has moved goes by until no flow of its former owner can be left. Entry 0 is
// reserved: a reference of 0 means pure.
//
// TCP: open until `open_until_ns` (an untracked packet goes to `previous`), then tail. UDP has no
// SYN: armed until `armed_until_ns` (an untracked packet goes to `armed_previous`), then as in
// tail. The two differ where a slot moved again while TCP's window was open and UDP's was over:
// TCP's untracked flows are the oldest owner's, UDP's the last one's. Tail ends by a publication.
struct lb_transition {
  uint16_t previous;  // backend index; LB_NONE in LB_SLOT_TAIL only
  uint8_t state;      // enum lb_slot_state; LB_SLOT_TAIL holds whatever the times say
  uint8_t reserved0;
  uint16_t armed_previous;  // backend index; means nothing where armed_until_ns is 0
  uint8_t reserved[2];
  uint64_t open_until_ns;   // CLOCK_BOOTTIME
  uint64_t armed_until_ns;  // CLOCK_BOOTTIME; 0: UDP goes straight to tail (a failure)
};
LB_STATIC_ASSERT(sizeof(struct lb_transition) == 24, "packed");

struct lb_table_ref {
  uint8_t digest[32];  // SHA-256 of the table's bytes (slots of 32 bits): its name on the channel
                       // and on disk
  uint8_t id_digest[32];  // SHA-256 over the slots as 64-bit backend ids: INTERFACE's digest,
                          // comparable across nodes
  uint32_t slots_log2;
  uint32_t pool;
  uint8_t reserved[8];
};
LB_STATIC_ASSERT(sizeof(struct lb_table_ref) == 80, "packed");

enum lb_section {
  LB_SECTION_PARAMS,  // one lb_params
  LB_SECTION_SERVICES,
  LB_SECTION_POOLS,
  LB_SECTION_MEMBERS,
  LB_SECTION_BACKENDS,
  LB_SECTION_NEXT_HOPS,
  LB_SECTION_TABLES,
  LB_SECTION_VIPS,
  LB_SECTION_VIP_ROWS,
  LB_SECTION_PORT_ROWS,
  LB_SECTION_PORT_RANGES,
  LB_SECTION_TRANSITIONS,
  LB_SECTIONS
};

struct lb_section_ref {
  uint64_t offset;  // from the start of the root, a multiple of 64
  uint32_t count;   // records
  uint32_t stride;  // bytes a record; must equal the reader's sizeof
};

struct lb_root {
  uint64_t magic;
  uint32_t abi;
  uint32_t section_count;  // LB_SECTIONS
  uint64_t size;           // of the whole root, bytes
  uint64_t checksum;       // XXH3-64 of the root with this field 0
  uint64_t generation;     // rises strictly
  uint64_t revision;       // of the configuration it was built from
  uint32_t counters;       // (service, backend) counters that its services use
  uint32_t flags;
  uint64_t audit_entries;  // length and head of control's audit log when this was published
  uint8_t audit_head[32];
  struct lb_section_ref section[LB_SECTIONS];
  uint8_t reserved[96];
};
LB_STATIC_ASSERT(sizeof(struct lb_root) == 384, "six cache lines");

#endif  // DATAPLANE_TABLE_RECORDS_H_
