// Turns a compiled configuration into the bytes of a root (records.h). Called by control for each
// publication; pure, any thread. Every limit is checked and reported as InvalidArgument with the
// name of the thing; nothing is ever cut to fit.
//
//   absl::StatusOr<AlignedBytes> root = BuildImage(spec);
//   client.Publish(*root, TablesOf(spec), timeout);
#ifndef DATAPLANE_TABLE_IMAGE_BUILDER_H_
#define DATAPLANE_TABLE_IMAGE_BUILDER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/records.h"
#include "dataplane/table/table.h"

namespace evenkeel {

using Mac = std::array<uint8_t, 6>;

struct NextHopSpec {
  Address address{};
  std::optional<Mac> static_mac;  // else the kernel's neighbour table decides
};

struct MemberSpec {
  Address address{};
  uint64_t backend_id = 0;  // BackendId(address); kept by the lease, so that it is hashed once
  uint16_t lease = LB_NONE;
  uint16_t next_hop = 0;  // position in ImageSpec::next_hops
  uint32_t weight = 0;    // as configured; 0 for drained and leaving ones
  uint32_t slots = 0;     // stated quota in the base table
  lb_encap encap = LB_ENCAP_IPIP;
  lb_backend_state state = LB_BACKEND_UP;
  uint8_t flags = 0;     // LB_BACKEND_*
  uint8_t withheld = 0;  // of LB_RAMP_STEPS
};

struct PoolSpec {
  std::string name;
  uint64_t id = 0;  // 0: NameId(name). Of a pool that is no longer configured only the id is known
  lb_fill fill = LB_FILL_EXACT;
  uint8_t slots_log2 = 16;
  uint32_t idle_s = 900;
  std::vector<MemberSpec> members;  // leaving ones too; the order is that of lb_backend.pool_pos
  TablePtr base;                    // null: nobody has slots (allow_empty)
  Digest base_id_digest{};          // over backend ids: IdDigest()
  TablePtr effective;               // null: the base itself
  Digest effective_id_digest{};
};

struct PortSpan {
  uint16_t low = 0;   // host order
  uint16_t high = 0;  // included; equal to low: an exact port
};

// How packets of connections from before a structural change find their backend.
struct FormerSpec {
  uint16_t pool = 0;  // position in ImageSpec::pools
  lb_affinity affinity = LB_AFFINITY_FLOW;
  uint64_t until_ns = 0;  // CLOCK_BOOTTIME; from then on by their entries alone
  // The pool's table as it was with another number of slots, without transitions; null: as it is.
  TablePtr table = {};
  Digest id_digest = {};
};

struct ServiceSpec {
  std::string name;
  Address vip{};
  uint8_t prefix_length = 128;  // of the 16-byte address: an IPv4 /24 is 120
  lb_transport transport = LB_TCP;
  bool any_port = false;
  std::vector<PortSpan> ports;  // empty when any_port
  uint16_t pool = 0;            // position in ImageSpec::pools
  lb_affinity affinity = LB_AFFINITY_FLOW;
  std::optional<FormerSpec> former = {};
};

struct ParamsSpec {
  std::array<uint64_t, 2> hash_key{};
  std::array<uint8_t, 4> encap_source4{};  // all zero: none
  std::array<uint8_t, 4> encap_mask4{0xff, 0xff, 0xff, 0xff};
  Address encap_source6{};  // all zero: none
  Address encap_mask6{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  uint16_t mtu = 1600;
  uint16_t client_mtu = 1500;
  uint16_t vlan = 0;
};

inline uint64_t IdOf(const PoolSpec& pool) { return pool.id != 0 ? pool.id : NameId(pool.name); }

struct ImageSpec {
  uint64_t generation = 0;
  uint64_t revision = 0;
  uint64_t audit_entries = 0;
  Digest audit_head{};
  ParamsSpec params;
  std::vector<NextHopSpec> next_hops;
  std::vector<PoolSpec> pools;
  std::vector<ServiceSpec> services;
  std::vector<lb_transition>
      transitions;  // entry 0 of the root is added; slots refer to position + 1
};

absl::StatusOr<AlignedBytes> BuildImage(const ImageSpec& spec);

// The distinct tables that the image names.
std::vector<TablePtr> TablesOf(const ImageSpec& spec);

// XXH3-64 of a root (at least sizeof(lb_root) bytes) with its checksum field as 0.
uint64_t RootChecksum(std::span<const std::byte> root);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_IMAGE_BUILDER_H_
