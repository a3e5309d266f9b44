#include "dataplane/table/image_builder.h"

#define XXH_STATIC_LINKING_ONLY  // the state on the stack
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/table/fill.h"
#include "dataplane/table/match_rows.h"

namespace evenkeel {
namespace {

template <size_t N>
void CopyBytes(uint8_t (&to)[N], const std::array<uint8_t, N>& from) {
  std::memcpy(to, from.data(), N);
}

class ImageBuilder {
 public:
  explicit ImageBuilder(const ImageSpec& spec) : spec_(spec) {}

  absl::StatusOr<AlignedBytes> Build() {
    for (auto step :
         {&ImageBuilder::CheckLimits, &ImageBuilder::AddParams, &ImageBuilder::AddNextHops,
          &ImageBuilder::AddPools, &ImageBuilder::AddServices, &ImageBuilder::AddTransitions}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return Assemble();
  }

 private:
  absl::Status CheckLimits();
  absl::Status AddParams();
  absl::Status AddNextHops();
  absl::Status AddPools();
  absl::Status AddServices();
  absl::Status AddTransitions();
  absl::Status AddMember(uint16_t pool, uint16_t position, const MemberSpec& member);
  absl::StatusOr<uint32_t> AddTable(uint16_t pool, const TablePtr& table, const Digest& id_digest);
  uint32_t AppendTable(uint16_t pool, const TablePtr& table, const Digest& id_digest);
  uint32_t TableOf(const FormerSpec& former);
  absl::StatusOr<AlignedBytes> Assemble() const;

  const ImageSpec& spec_;
  lb_params params_{};
  std::vector<lb_service> services_;
  std::vector<lb_pool> pools_;
  std::vector<lb_member> members_;
  std::vector<lb_backend> backends_;
  std::vector<lb_next_hop> next_hops_;
  std::vector<lb_table_ref> tables_;
  std::vector<lb_transition> transitions_;
  MatchRecords match_;
  uint32_t counters_ = 0;
};

absl::Status TooMany(absl::string_view what, size_t count, size_t max) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%d %s: at most %d are possible", count, what, max));
}

absl::Status ImageBuilder::CheckLimits() {
  if (spec_.generation == 0) return absl::InvalidArgumentError("generations start at 1");
  const size_t services =
      spec_.services.size() +
      static_cast<size_t>(std::ranges::count_if(
          spec_.services, [](const ServiceSpec& service) { return service.former.has_value(); }));
  if (services > LB_SERVICES_MAX) {
    return TooMany("services, former ones included,", services, LB_SERVICES_MAX);
  }
  if (spec_.pools.size() > LB_POOLS_MAX) return TooMany("pools", spec_.pools.size(), LB_POOLS_MAX);
  if (spec_.next_hops.size() > LB_NEXT_HOPS_MAX) {
    return TooMany("next hops", spec_.next_hops.size(), LB_NEXT_HOPS_MAX);
  }
  if (spec_.transitions.size() >= kTransitionsMax) {
    return TooMany("transitions", spec_.transitions.size(), kTransitionsMax - 1);
  }
  size_t members = 0;
  for (const PoolSpec& pool : spec_.pools) members += pool.members.size();
  if (members > LB_BACKENDS_MAX) {
    return TooMany("backends, leaving ones included,", members, LB_BACKENDS_MAX);
  }
  members_.reserve(members);
  backends_.reserve(members);
  return absl::OkStatus();
}

absl::Status ImageBuilder::AddParams() {
  const ParamsSpec& in = spec_.params;
  if (in.vlan > 4094) {
    return absl::InvalidArgumentError(absl::StrCat("vlan ", in.vlan, ": 1..4094 are possible"));
  }
  params_.hash_key[0] = in.hash_key[0];
  params_.hash_key[1] = in.hash_key[1];
  CopyBytes(params_.encap_source4, in.encap_source4);
  CopyBytes(params_.encap_mask4, in.encap_mask4);
  CopyBytes(params_.encap_source6, in.encap_source6);
  CopyBytes(params_.encap_mask6, in.encap_mask6);
  params_.mtu = in.mtu;
  params_.client_mtu = in.client_mtu;
  params_.vlan = in.vlan;
  params_.generation = spec_.generation;
  return absl::OkStatus();
}

absl::Status ImageBuilder::AddNextHops() {
  for (const NextHopSpec& in : spec_.next_hops) {
    lb_next_hop hop{};
    CopyBytes(hop.address, in.address);
    hop.family = FamilyOf(in.address);
    if (in.static_mac) {
      CopyBytes(hop.static_mac, *in.static_mac);
      hop.has_static_mac = 1;
    }
    next_hops_.push_back(hop);
  }
  return absl::OkStatus();
}

absl::Status ImageBuilder::AddPools() {
  for (uint16_t i = 0; i < spec_.pools.size(); i++) {
    const PoolSpec& in = spec_.pools[i];
    lb_pool pool{};
    pool.id = IdOf(in);
    pool.member_first = static_cast<uint32_t>(members_.size());
    pool.member_count = static_cast<uint32_t>(in.members.size());
    pool.idle_s = in.idle_s;
    pool.slots_log2 = in.slots_log2;
    pool.fill = in.fill;
    pool.table = pool.base_table = LB_TABLE_NONE;
    if (in.base != nullptr) {
      const absl::StatusOr<uint32_t> base = AddTable(i, in.base, in.base_id_digest);
      if (!base.ok()) return base.status();
      pool.table = pool.base_table = *base;
    }
    if (in.effective != nullptr && in.effective != in.base) {
      const absl::StatusOr<uint32_t> effective = AddTable(i, in.effective, in.effective_id_digest);
      if (!effective.ok()) return effective.status();
      pool.table = *effective;
    }
    for (size_t position = 0; position < in.members.size(); position++) {
      absl::Status status = AddMember(i, static_cast<uint16_t>(position), in.members[position]);
      if (!status.ok()) return status;
    }
    pools_.push_back(pool);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> ImageBuilder::AddTable(uint16_t pool, const TablePtr& table,
                                                const Digest& id_digest) {
  const PoolSpec& spec = spec_.pools[pool];
  if (spec.base == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("pool %s: an effective table without a base table", spec.name));
  }
  if (table->slots_log2() != spec.slots_log2) {
    return absl::InvalidArgumentError(
        absl::StrFormat("pool %s: its table has 2^%d slots instead of 2^%d", spec.name,
                        table->slots_log2(), spec.slots_log2));
  }
  return AppendTable(pool, table, id_digest);
}

uint32_t ImageBuilder::AppendTable(uint16_t pool, const TablePtr& table, const Digest& id_digest) {
  lb_table_ref ref{};
  CopyBytes(ref.digest, table->digest());
  CopyBytes(ref.id_digest, id_digest);
  ref.slots_log2 = table->slots_log2();
  ref.pool = pool;
  tables_.push_back(ref);
  return static_cast<uint32_t>(tables_.size() - 1);
}

// Services that share their former pool share its former table.
uint32_t ImageBuilder::TableOf(const FormerSpec& former) {
  const auto known = std::ranges::find_if(tables_, [&](const lb_table_ref& ref) {
    return ref.pool == former.pool && std::ranges::equal(ref.digest, former.table->digest());
  });
  if (known != tables_.end()) return static_cast<uint32_t>(known - tables_.begin());
  return AppendTable(former.pool, former.table, former.id_digest);
}

absl::Status ImageBuilder::AddMember(uint16_t pool, uint16_t position, const MemberSpec& in) {
  const auto refuse = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "pool %s, backend %s: %s", spec_.pools[pool].name, AddressText(in.address), what));
  };
  if (in.lease >= LB_BACKENDS_MAX) return refuse("it has no index");
  if (in.next_hop >= next_hops_.size()) return refuse("it has no next hop");
  if (in.weight > kWeightMax) return refuse(absl::StrCat("weight ", in.weight, " is too large"));
  if (backends_.size() <= in.lease) backends_.resize(in.lease + 1u);
  lb_backend& backend = backends_[in.lease];
  if (backend.family != LB_FAMILY_NONE) {
    return refuse(absl::StrCat("index ", in.lease, " already belongs to another backend"));
  }
  CopyBytes(backend.address, in.address);
  backend.id = in.backend_id;
  backend.pool = pool;
  backend.pool_pos = position;
  backend.next_hop = in.next_hop;
  backend.encap = in.encap;
  backend.family = FamilyOf(in.address);
  backend.state = in.state;
  backend.flags = in.flags;
  backend.withheld = in.withheld;
  if (in.encap == LB_ENCAP_IPIP && backend.family == LB_IPV4) {
    backend.outer_sum = lb_outer_sum(&params_, &backend.address[12]);
  }
  members_.push_back({.backend = in.lease, .weight = in.weight, .slots = in.slots});
  return absl::OkStatus();
}

absl::Status ImageBuilder::AddServices() {
  for (const ServiceSpec& in : spec_.services) {
    const size_t pool = std::max(in.pool, in.former ? in.former->pool : uint16_t{0});
    if (pool < pools_.size()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("service %s: pool %d of %d", in.name, pool, pools_.size()));
  }
  absl::StatusOr<MatchRecords> match = BuildMatch(spec_.services, spec_.pools, &params_);
  if (!match.ok()) return match.status();
  match_ = *std::move(match);

  uint64_t counters = 0;
  const auto add = [&](size_t i, uint16_t pool_place, lb_affinity affinity) -> lb_service& {
    const ServiceSpec& in = spec_.services[i];
    const lb_pool& pool = pools_[pool_place];
    lb_service service{};
    service.id = NameId(in.name);
    service.counter_base = static_cast<uint32_t>(counters);
    service.table = pool.table;
    service.pool = pool_place;
    service.vip = match_.vip_of_service[i];
    service.transport = in.transport;
    service.affinity = affinity;
    service.slot_shift = static_cast<uint8_t>(64 - pool.slots_log2);
    service.family = FamilyOf(in.vip);
    service.former = LB_NONE;
    counters += pool.member_count;
    return services_.emplace_back(service);
  };
  for (size_t i = 0; i < spec_.services.size(); i++) {
    add(i, spec_.services[i].pool, spec_.services[i].affinity);
  }
  // After all that match, those that none does.
  for (size_t i = 0; i < spec_.services.size(); i++) {
    const std::optional<FormerSpec>& former = spec_.services[i].former;
    if (!former) continue;
    services_[i].former = static_cast<uint16_t>(services_.size());
    services_[i].former_until_ns = former->until_ns;
    lb_service& service = add(i, former->pool, former->affinity);
    if (former->table == nullptr) continue;
    service.table = TableOf(*former);
    service.slot_shift = static_cast<uint8_t>(64 - former->table->slots_log2());
  }
  if (counters > kCountersMax) {
    return TooMany("pairs of service and backend", counters, kCountersMax);
  }
  counters_ = static_cast<uint32_t>(counters);
  return absl::OkStatus();
}

absl::Status ImageBuilder::AddTransitions() {
  transitions_.push_back({});  // 0: pure
  transitions_.insert(transitions_.end(), spec_.transitions.begin(), spec_.transitions.end());
  return absl::OkStatus();
}

absl::StatusOr<AlignedBytes> ImageBuilder::Assemble() const {
  const std::span<const std::byte> content[LB_SECTIONS] = {
      std::as_bytes(std::span(&params_, 1)),
      std::as_bytes(std::span(services_)),
      std::as_bytes(std::span(pools_)),
      std::as_bytes(std::span(members_)),
      std::as_bytes(std::span(backends_)),
      std::as_bytes(std::span(next_hops_)),
      std::as_bytes(std::span(tables_)),
      std::as_bytes(std::span(match_.vips)),
      std::as_bytes(std::span(match_.vip_rows)),
      std::as_bytes(std::span(match_.port_rows)),
      std::as_bytes(std::span(match_.port_ranges)),
      std::as_bytes(std::span(transitions_)),
  };
  lb_root root{};
  root.magic = LB_IMAGE_MAGIC;
  root.abi = LB_IMAGE_ABI;
  root.section_count = LB_SECTIONS;
  root.generation = spec_.generation;
  root.revision = spec_.revision;
  root.counters = counters_;
  root.audit_entries = spec_.audit_entries;
  CopyBytes(root.audit_head, spec_.audit_head);
  size_t size = sizeof(root);
  for (int i = 0; i < LB_SECTIONS; i++) {
    const uint32_t stride = kSectionShapes[i].stride;
    root.section[i] = {size, static_cast<uint32_t>(content[i].size() / stride), stride};
    size += AlignUp(content[i].size());
  }
  if (size > kRootBytesMax) return TooMany("bytes of image", size, kRootBytesMax);
  root.size = size;

  AlignedBytes bytes(size);
  std::memcpy(bytes.data(), &root, sizeof(root));
  for (int i = 0; i < LB_SECTIONS; i++) {
    if (content[i].empty()) continue;
    std::memcpy(bytes.data() + root.section[i].offset, content[i].data(), content[i].size());
  }
  const uint64_t checksum = RootChecksum(bytes.bytes());
  std::memcpy(bytes.data() + offsetof(lb_root, checksum), &checksum, sizeof(checksum));
  return bytes;
}

}  // namespace

absl::StatusOr<AlignedBytes> BuildImage(const ImageSpec& spec) {
  return ImageBuilder(spec).Build();
}

std::vector<TablePtr> TablesOf(const ImageSpec& spec) {
  std::vector<TablePtr> tables;
  for (const PoolSpec& pool : spec.pools) {
    if (pool.base != nullptr) tables.push_back(pool.base);
    if (pool.effective != nullptr && pool.effective != pool.base) tables.push_back(pool.effective);
  }
  for (const ServiceSpec& service : spec.services) {
    if (!service.former || service.former->table == nullptr) continue;
    const bool is_known = std::ranges::any_of(tables, [&](const TablePtr& table) {
      return table->digest() == service.former->table->digest();
    });
    if (!is_known) tables.push_back(service.former->table);
  }
  return tables;
}

uint64_t RootChecksum(std::span<const std::byte> root) {
  constexpr size_t kField = offsetof(lb_root, checksum);
  constexpr size_t kAfter = kField + sizeof(uint64_t);
  constexpr uint64_t kZero = 0;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, root.data(), kField);
  XXH3_64bits_update(&state, &kZero, sizeof(kZero));
  XXH3_64bits_update(&state, root.data() + kAfter, root.size() - kAfter);
  return XXH3_64bits_digest(&state);
}

}  // namespace evenkeel
