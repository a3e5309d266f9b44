// A small valid image to start from: tests change one thing and see what happens.
#ifndef TESTS_DATAPLANE_TABLE_IMAGE_FIXTURE_H_
#define TESTS_DATAPLANE_TABLE_IMAGE_FIXTURE_H_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "dataplane/table/fill.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

inline Address V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) { return MapIpv4({a, b, c, d}); }

// fd00::<n>
inline Address V6(uint16_t n) {
  Address address{0xfd};
  address[14] = static_cast<uint8_t>(n >> 8);
  address[15] = static_cast<uint8_t>(n);
  return address;
}

// A pool whose members have the addresses base + position, with `weights` (0: drained). Leases
// count up from `first_lease`. The table is built and sealed.
inline PoolSpec MakePool(std::string name, const std::vector<uint32_t>& weights,
                         uint16_t first_lease, uint8_t slots_log2 = 12,
                         lb_fill fill = LB_FILL_EXACT) {
  PoolSpec pool;
  pool.name = std::move(name);
  pool.slots_log2 = slots_log2;
  pool.fill = fill;
  std::vector<FillBackend> backends;
  std::vector<uint16_t> leases;
  std::vector<size_t> member_of;
  for (size_t i = 0; i < weights.size(); i++) {
    MemberSpec member;
    const uint16_t number = static_cast<uint16_t>(first_lease + i);
    member.address = V4(10, 0, static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number));
    member.backend_id = BackendId(member.address);
    member.lease = number;
    member.weight = weights[i];
    if (weights[i] == 0) {
      member.flags = LB_BACKEND_DRAINED;
    } else {
      backends.push_back({member.backend_id, weights[i]});
      leases.push_back(number);
      member_of.push_back(i);
    }
    pool.members.push_back(member);
  }
  if (backends.empty()) return pool;
  const absl::StatusOr<Fill> slots = BuildFill(fill, backends, slots_log2);
  EXPECT_TRUE(slots.ok()) << slots.status();
  const absl::StatusOr<TablePtr> table = Table::Create(PureSlots(*slots, leases));
  EXPECT_TRUE(table.ok()) << table.status();
  pool.base = *table;
  pool.base_id_digest = IdDigest(*slots, backends);
  const std::vector<uint32_t> owned = CountSlots(*slots, backends.size());
  for (size_t i = 0; i < owned.size(); i++) pool.members[member_of[i]].slots = owned[i];
  return pool;
}

inline ServiceSpec MakeService(std::string name, const Address& vip, uint16_t pool,
                               std::vector<PortSpan> ports) {
  ServiceSpec service;
  service.name = std::move(name);
  service.vip = vip;
  service.pool = pool;
  service.any_port = ports.empty();
  service.ports = std::move(ports);
  return service;
}

// Two pools, four services: an exact port, a range, any port under a prefix, IPv6.
inline ImageSpec SmallSpec(uint64_t generation = 1) {
  ImageSpec spec;
  spec.generation = generation;
  spec.revision = 7;
  spec.params.hash_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  spec.params.encap_source4 = {10, 0, 0, 10};
  spec.params.encap_source6 = V6(10);
  spec.next_hops.push_back({V4(10, 0, 0, 1), Mac{2, 0, 0, 0, 0, 1}});
  spec.next_hops.push_back({V6(1), std::nullopt});
  spec.pools.push_back(MakePool("web", {1, 2, 7}, 0));
  spec.pools.push_back(MakePool("bulk", {100, 100}, 3));
  spec.services.push_back(MakeService("http4", V4(203, 0, 113, 10), 0, {{80, 80}, {443, 443}}));
  spec.services.push_back(MakeService("range4", V4(203, 0, 113, 10), 1, {{8000, 8099}}));
  spec.services.push_back(MakeService("any4", V4(203, 0, 113, 0), 1, {}));
  spec.services.back().prefix_length = 96 + 24;
  spec.services.push_back(MakeService("http6", V6(0x113), 0, {{80, 80}}));
  return spec;
}

inline TableLookup LookupIn(std::vector<TablePtr> tables) {
  return [tables = std::move(tables)](const Digest& digest) -> TablePtr {
    for (const TablePtr& table : tables) {
      if (table->digest() == digest) return table;
    }
    return nullptr;
  };
}

inline AlignedBytes MustBuild(const ImageSpec& spec) {
  absl::StatusOr<AlignedBytes> root = BuildImage(spec);
  EXPECT_TRUE(root.ok()) << root.status();
  return root.ok() ? *std::move(root) : AlignedBytes();
}

inline absl::StatusOr<ImageView> VerifySpec(const ImageSpec& spec) {
  return ImageView::Verify(MustBuild(spec), LookupIn(TablesOf(spec)), nullptr);
}

// Records of a root under test, to be changed in place.
template <typename Record>
std::span<Record> Records(AlignedBytes& root, lb_section section) {
  const auto* header = reinterpret_cast<const lb_root*>(root.data());
  return {reinterpret_cast<Record*>(root.data() + header->section[section].offset),
          header->section[section].count};
}

inline lb_root& Header(AlignedBytes& root) { return *reinterpret_cast<lb_root*>(root.data()); }

// Makes the checksum right again after a change, so that deeper checks are reached.
inline void Reseal(AlignedBytes& root) { Header(root).checksum = RootChecksum(root.bytes()); }

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_TABLE_IMAGE_FIXTURE_H_
