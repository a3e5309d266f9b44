#include "tools/pktgen/site.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/table/fill.h"

namespace evenkeel::pktgen {
namespace {

constexpr uint8_t kSlotsLog2 = 16;
constexpr uint16_t kManyBackends = 60;

Address Backend(bool ipv4, uint16_t i) {
  if (!ipv4) return SiteIpv6(1, static_cast<uint16_t>(i + 1));
  return MapIpv4({10, 0, static_cast<uint8_t>(1 + i / 250), static_cast<uint8_t>(i % 250 + 1)});
}

// Which backend has which slot, and what pools with the same backends have in common.
struct SharedFill {
  Fill slots;
  std::vector<FillBackend> backends;
  std::vector<uint32_t> owned;
  Digest id_digest;
};

absl::StatusOr<SharedFill> MakeFill(bool ipv4, uint16_t backends) {
  SharedFill shared;
  for (uint16_t i = 0; i < backends; ++i) {
    shared.backends.push_back({BackendId(Backend(ipv4, i)), 100});
  }
  absl::StatusOr<Fill> fill = BuildFill(LB_FILL_EXACT, shared.backends, kSlotsLog2);
  if (!fill.ok()) return fill.status();
  shared.slots = *std::move(fill);
  shared.owned = CountSlots(shared.slots, backends);
  shared.id_digest = IdDigest(shared.slots, shared.backends);
  return shared;
}

struct PoolKind {
  bool ipv4 = true;
  lb_encap encap = LB_ENCAP_IPIP;
};

// Leases are given in the order of the pools.
absl::Status AddPool(const std::string& name, const PoolKind& kind, const SharedFill& fill,
                     ImageSpec* spec) {
  uint16_t lease = 0;
  for (const PoolSpec& pool : spec->pools) lease += static_cast<uint16_t>(pool.members.size());
  PoolSpec pool;
  pool.name = name;
  pool.slots_log2 = kSlotsLog2;
  std::vector<uint16_t> leases;
  for (uint16_t i = 0; i < fill.backends.size(); ++i) {
    MemberSpec member;
    member.address = Backend(kind.ipv4, i);
    member.backend_id = fill.backends[i].id;
    member.lease = lease++;
    member.next_hop = kind.ipv4 ? 0 : 1;
    member.weight = fill.backends[i].weight;
    member.slots = fill.owned[i];
    member.encap = kind.encap;
    leases.push_back(member.lease);
    pool.members.push_back(member);
  }
  absl::StatusOr<TablePtr> table = Table::Create(PureSlots(fill.slots, leases));
  if (!table.ok()) return table.status();
  pool.base = *std::move(table);
  pool.base_id_digest = fill.id_digest;
  spec->pools.push_back(std::move(pool));
  return absl::OkStatus();
}

void AddService(const std::string& name, const Address& vip, lb_transport transport, uint16_t port,
                size_t pool, ImageSpec* spec) {
  ServiceSpec service;
  service.name = name;
  service.vip = vip;
  service.transport = transport;
  service.ports = {{port, port}};
  service.pool = static_cast<uint16_t>(pool);
  spec->services.push_back(service);
}

absl::Status AddMany(uint16_t many, ImageSpec* spec) {
  const absl::StatusOr<SharedFill> fill = MakeFill(true, kManyBackends);
  if (!fill.ok()) return fill.status();
  for (uint16_t i = 0; i < many; ++i) {
    const std::string name = absl::StrCat("m", i);
    if (absl::Status s = AddPool(name, {}, *fill, spec); !s.ok()) return s;
    const Address vip = MapIpv4({198, 18, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)});
    AddService(name, vip, LB_TCP, 80, spec->pools.size() - 1, spec);
  }
  return absl::OkStatus();
}

}  // namespace

Address SiteIpv6(uint16_t group, uint16_t number) {
  Address address{0xfd};
  address[12] = static_cast<uint8_t>(group >> 8);
  address[13] = static_cast<uint8_t>(group);
  address[14] = static_cast<uint8_t>(number >> 8);
  address[15] = static_cast<uint8_t>(number);
  return address;
}

absl::StatusOr<ImageSpec> MakeSite(uint64_t generation, uint16_t backends, uint16_t many) {
  ImageSpec spec;
  spec.generation = generation;
  spec.revision = 1;
  spec.params.hash_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  spec.params.encap_source4 = {10, 0, 0, 10};
  spec.params.encap_source6 = SiteIpv6(0, 10);
  spec.next_hops.push_back({MapIpv4({10, 0, 0, 1}), Mac{2, 0, 0, 0, 0, 1}});
  spec.next_hops.push_back({SiteIpv6(0, 1), Mac{2, 0, 0, 0, 0, 1}});
  const absl::StatusOr<SharedFill> fill4 = MakeFill(true, backends);
  if (!fill4.ok()) return fill4.status();
  const absl::StatusOr<SharedFill> fill6 = MakeFill(false, backends);
  if (!fill6.ok()) return fill6.status();
  if (absl::Status s = AddPool("bench", {}, *fill4, &spec); !s.ok()) return s;
  if (absl::Status s = AddPool("l2", {true, LB_ENCAP_L2DSR}, *fill4, &spec); !s.ok()) return s;
  if (absl::Status s = AddPool("v6", {false, LB_ENCAP_IPIP}, *fill6, &spec); !s.ok()) return s;
  const Address vip4 = MapIpv4({203, 0, 113, 10});
  const Address vip6 = SiteIpv6(0x113, 10);
  AddService("bench", vip4, LB_TCP, 80, 0, &spec);
  AddService("bench-udp", vip4, LB_UDP, 53, 0, &spec);
  AddService("bench-l2", vip4, LB_TCP, 81, 1, &spec);
  AddService("bench6", vip6, LB_TCP, 80, 2, &spec);
  if (absl::Status s = AddMany(many, &spec); !s.ok()) return s;
  return spec;
}

}  // namespace evenkeel::pktgen
