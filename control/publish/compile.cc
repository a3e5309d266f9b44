#include "control/publish/compile.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "control/publish/former.h"
#include "control/publish/service_spec.h"
#include "control/publish/sliced_table.h"
#include "dataplane/table/image_builder.h"

namespace evenkeel {
namespace {

// The longest `idle` of any pool: what a pair of a removed pool waits for.
constexpr absl::Duration kIdleMax = absl::Hours(4);

// Addresses that frames towards the backends are sent to, each once.
class NextHops {
 public:
  explicit NextHops(const Network& network) : network_(network) {}

  // Where packets to `backend` go first: the gateway of its family, or itself with L2 DSR.
  absl::StatusOr<uint16_t> For(const Pool& pool, const IpAddress& backend) {
    if (pool.forward == Forward::kL2dsr) return Add({.address = backend.bytes()});
    const std::optional<IpAddress>& gateway = network_.gateway.of(backend.family());
    const std::optional<MacAddress>& mac = network_.gateway_mac.of(backend.family());
    if (!gateway && !mac) {
      return absl::InvalidArgumentError(
          absl::StrCat("pool ", pool.name, ": ", FamilyName(backend.family()),
                       " backends need network.gateway or network.gateway_mac of their family"));
    }
    NextHopSpec hop;
    if (gateway) hop.address = gateway->bytes();
    if (!gateway && backend.is_ipv4()) hop.address = MapIpv4({});
    if (mac) hop.static_mac = mac->bytes();
    return Add(hop);
  }

  absl::StatusOr<uint16_t> Add(const NextHopSpec& hop) {
    auto [place, is_new] = places_.emplace(hop.address, hops_.size());
    if (is_new) hops_.push_back(hop);
    if (hops_.size() > LB_NEXT_HOPS_MAX) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", LB_NEXT_HOPS_MAX, " next hops (backends of l2dsr pools)"));
    }
    return place->second;
  }

  std::vector<NextHopSpec> Take() { return std::move(hops_); }

 private:
  const Network& network_;
  std::vector<NextHopSpec> hops_;
  absl::flat_hash_map<Address, uint16_t> places_;
};

absl::StatusOr<lb_encap> EncapOf(const Pool& pool) {
  switch (pool.forward) {
    case Forward::kIpip:
      return LB_ENCAP_IPIP;
    case Forward::kL2dsr:
      return LB_ENCAP_L2DSR;
    case Forward::kGue:
    case Forward::kGre:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("pool ", pool.name, ": forward: ", Name(pool.forward), " is not built yet"));
}

ParamsSpec CompileParams(const Network& network, const ClusterKey& key) {
  ParamsSpec params;
  params.hash_key = key.words();
  if (const std::optional<IpPrefix>& source = network.encap_source.ipv4) {
    const IpAddress::Bytes& bytes = source->address().bytes();
    std::copy(bytes.begin() + 12, bytes.end(), params.encap_source4.begin());
    for (int bit = 0; bit < 32; ++bit) {
      if (bit >= source->length()) {
        params.encap_mask4[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
      }
    }
  }
  if (const std::optional<IpPrefix>& source = network.encap_source.ipv6) {
    params.encap_source6 = source->address().bytes();
    for (int bit = source->length(); bit < 128; ++bit) {
      params.encap_mask6[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
    }
  }
  params.mtu = static_cast<uint16_t>(network.mtu);
  params.client_mtu = static_cast<uint16_t>(network.client_mtu);
  params.vlan = static_cast<uint16_t>(network.vlan);
  return params;
}

absl::StatusOr<std::vector<MemberSpec>> ConfiguredMembers(const Pool& pool,
                                                          const LeaseTable& leases,
                                                          NextHops* hops) {
  absl::StatusOr<lb_encap> encap = EncapOf(pool);
  if (!encap.ok()) return encap.status();
  std::vector<MemberSpec> members;
  const uint64_t id = NameId(pool.name);
  for (const Backend& backend : pool.backends) {
    const Lease* lease = leases.Find(id, backend.address.bytes());
    if (lease == nullptr) {
      return absl::InternalError(absl::StrCat(PathOf(pool, backend), " has no index"));
    }
    absl::StatusOr<uint16_t> hop = hops->For(pool, backend.address);
    if (!hop.ok()) return hop.status();
    members.push_back({.address = backend.address.bytes(),
                       .backend_id = lease->backend_id,
                       .lease = lease->index,
                       .next_hop = *hop,
                       .weight = backend.effective_weight(),
                       .encap = *encap,
                       .flags = static_cast<uint8_t>(backend.drain ? LB_BACKEND_DRAINED : 0)});
  }
  return members;
}

// Pairs that left this pool's configuration and may still be named. One that the network section
// can no longer reach is left out: no slot names it.
void AddLeavingMembers(const Pool& pool, const std::vector<Lease>& leaving, NextHops* hops,
                       std::vector<MemberSpec>* members) {
  const uint64_t id = NameId(pool.name);
  for (const Lease& lease : leaving) {
    if (lease.key.pool != id) continue;
    const absl::StatusOr<lb_encap> encap = EncapOf(pool);
    const absl::StatusOr<uint16_t> hop = hops->For(pool, IpAddress(lease.key.address));
    if (!encap.ok() || !hop.ok()) continue;
    members->push_back({.address = lease.key.address,
                        .backend_id = lease.backend_id,
                        .lease = lease.index,
                        .next_hop = *hop,
                        .encap = *encap,
                        .flags = LB_BACKEND_LEAVING});
  }
}

absl::StatusOr<BuiltTablePtr> WholeTable(const PoolSpec& pool,
                                         const std::vector<MemberSpec>& members,
                                         TableCache* cache) {
  TableRequest request{.fill = pool.fill, .slots_log2 = pool.slots_log2};
  for (const MemberSpec& member : members) {
    if (member.weight == 0) continue;
    request.members.push_back({member.backend_id, member.weight, member.lease});
  }
  if (request.members.empty()) return nullptr;
  std::sort(request.members.begin(), request.members.end());
  return cache->Get(request);
}

// Null: no backend has slots.
absl::StatusOr<BuiltTablePtr> BuildTable(const PoolSpec& pool,
                                         const std::vector<MemberSpec>& members,
                                         const CompileInput& input, TableCache* cache) {
  const CanaryStage* canary = input.canary;
  const Pool* before = canary == nullptr ? nullptr : canary->before.FindPool(pool.name);
  const Pool* after = canary == nullptr ? nullptr : canary->after.FindPool(pool.name);
  const bool has_owners =
      std::ranges::any_of(members, [](const MemberSpec& member) { return member.weight > 0; });
  const bool is_sliced = before != nullptr && after != nullptr && has_owners;
  absl::StatusOr<BuiltTablePtr> table =
      is_sliced ? SlicedTable(*before, *after, canary->percent, input.leases, cache)
                : WholeTable(pool, members, cache);
  if (!table.ok()) {
    return absl::Status(table.status().code(),
                        absl::StrCat("pool ", pool.name, ": ", table.status().message()));
  }
  return table;
}

struct PoolResult {
  PoolSpec spec;
  CompiledPool compiled;
};

absl::StatusOr<PoolResult> CompilePool(const Pool& pool, const CompileInput& input,
                                       const std::vector<Lease>& leaving, NextHops* hops,
                                       TableCache* cache) {
  absl::StatusOr<std::vector<MemberSpec>> members = ConfiguredMembers(pool, input.leases, hops);
  if (!members.ok()) return members.status();
  const size_t configured = members->size();
  AddLeavingMembers(pool, leaving, hops, &*members);

  PoolSpec spec{.name = pool.name,
                .fill = pool.table.fill == FillKind::kMaglev ? LB_FILL_MAGLEV : LB_FILL_EXACT,
                .slots_log2 = static_cast<uint8_t>(std::countr_zero(pool.table.slots)),
                .idle_s = static_cast<uint32_t>(absl::ToInt64Seconds(pool.idle))};
  absl::StatusOr<BuiltTablePtr> table = BuildTable(spec, *members, input, cache);
  if (!table.ok()) return table.status();
  if (*table != nullptr) {
    absl::flat_hash_map<uint16_t, uint32_t> slots_of;
    for (const SlotShare& share : (*table)->table->shares()) slots_of[share.backend] = share.slots;
    for (MemberSpec& member : *members) member.slots = slots_of[member.lease];
    spec.base = (*table)->table;
    spec.base_id_digest = (*table)->id_digest;
  }
  CompiledPool compiled{.id = NameId(pool.name), .slots = pool.table.slots, .table = *table};
  for (size_t i = 0; i < configured; ++i) compiled.quotas.push_back((*members)[i].slots);

  // The order of the file must not be seen in the image.
  std::sort(members->begin(), members->end(), [](const MemberSpec& a, const MemberSpec& b) {
    return std::tie(a.backend_id, a.lease) < std::tie(b.backend_id, b.lease);
  });
  spec.members = *std::move(members);
  return PoolResult{std::move(spec), std::move(compiled)};
}

// Places in `things` by rising name.
template <typename Thing>
std::vector<size_t> OrderByName(const std::vector<Thing>& things) {
  std::vector<size_t> order(things.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return things[a].name < things[b].name; });
  return order;
}

}  // namespace

absl::StatusOr<CompiledPtr> Compile(const CompileInput& input, CompileCache* cache) {
  const Config& config = input.config;
  ImageSpec spec{.generation = input.generation,
                 .revision = static_cast<uint64_t>(input.revision),
                 .audit_entries = input.audit_entries,
                 .audit_head = input.audit_head,
                 .params = CompileParams(config.network, input.key)};
  auto compiled = std::make_shared<Compiled>();
  compiled->pools.resize(config.pools.size());

  NextHops hops(config.network);
  const std::vector<Lease> leaving = input.leases.leaving();
  absl::flat_hash_map<std::string, uint16_t> pool_places;
  for (size_t i : OrderByName(config.pools)) {
    absl::StatusOr<PoolResult> pool =
        CompilePool(config.pools[i], input, leaving, &hops, &cache->tables);
    if (!pool.ok()) return pool.status();
    pool_places[config.pools[i].name] = static_cast<uint16_t>(spec.pools.size());
    spec.pools.push_back(std::move(pool->spec));
    compiled->pools[i] = std::move(pool->compiled);
  }
  for (size_t i : OrderByName(config.services)) {
    const Service& service = config.services[i];
    const auto pool = pool_places.find(service.pool);
    if (pool == pool_places.end()) {
      return absl::InvalidArgumentError(absl::StrCat(PathOf(service), " names the pool ",
                                                     service.pool, ", which does not exist"));
    }
    spec.services.push_back(CompileService(service, pool->second));
  }
  const absl::StatusOr<uint64_t> arrived = MakeFormers(
      input.succession, [&hops](const NextHopSpec& hop) { return hops.Add(hop); }, &spec);
  if (!arrived.ok()) return arrived.status();
  spec.next_hops = hops.Take();
  absl::StatusOr<AdvanceCounts> slots = MakeEffective(input.succession, input.standing_of, &spec);
  if (!slots.ok()) return slots.status();
  compiled->slots = *slots;
  compiled->slots.ended += *arrived;

  absl::StatusOr<AlignedBytes> root = BuildImage(spec);
  if (!root.ok()) return root.status();
  std::vector<TablePtr> tables = TablesOf(spec);
  absl::flat_hash_map<Digest, TablePtr> by_digest;
  for (const TablePtr& table : tables) by_digest[table->digest()] = table;
  const TableLookup find = [&by_digest](const Digest& digest) -> TablePtr {
    const auto found = by_digest.find(digest);
    return found == by_digest.end() ? nullptr : found->second;
  };
  absl::StatusOr<ImageView> image =
      ImageView::Verify(AlignedBytes::CopyOf(root->bytes()), find, &cache->verified);
  if (!image.ok()) {
    return absl::InternalError(absl::StrCat("the image that was built is not valid (",
                                            image.status().message(), "): a bug, please report"));
  }
  compiled->image = std::make_shared<const ImageView>(*std::move(image));
  compiled->publication =
      std::make_shared<const Publication>(Publication{.generation = input.generation,
                                                      .revision = input.revision,
                                                      .root = *std::move(root),
                                                      .tables = std::move(tables)});
  return compiled;
}

absl::StatusOr<LeaseTable> LeaseAll(const Config& config, LeaseTable leases, absl::Time now,
                                    const IsUnnamed& is_unnamed) {
  absl::flat_hash_set<LeaseKey> configured;
  absl::flat_hash_map<uint64_t, absl::Duration> idle;
  for (const Pool& pool : config.pools) {
    const uint64_t id = NameId(pool.name);
    idle[id] = pool.idle;
    for (const Backend& backend : pool.backends) configured.insert({id, backend.address.bytes()});
  }
  for (const Lease& lease : leases.all()) {
    if (configured.contains(lease.key)) continue;
    const auto pool_idle = idle.find(lease.key.pool);
    const absl::Duration wait = pool_idle == idle.end() ? kIdleMax : pool_idle->second;
    if (absl::Status s = leases.Leave(lease.key.pool, lease.key.address, now + wait); !s.ok()) {
      return s;
    }
  }
  leases.ReleaseExpired(now, is_unnamed);
  for (const Pool& pool : config.pools) {
    const uint64_t id = NameId(pool.name);
    for (const Backend& backend : pool.backends) {
      absl::StatusOr<uint16_t> index = leases.Acquire(id, backend.address.bytes());
      if (!index.ok()) return index.status();
    }
  }
  return leases;
}

bool SameContent(const ImageView& a, const ImageView& b) {
  // The generation stands in the header and in the parameters, the checksum covers both.
  const auto neutral = [](const ImageView& image) {
    AlignedBytes bytes = image.Published();
    auto* root = reinterpret_cast<lb_root*>(bytes.data());
    auto* params =
        reinterpret_cast<lb_params*>(bytes.data() + root->section[LB_SECTION_PARAMS].offset);
    root->generation = 0;
    root->checksum = 0;
    root->audit_entries = 0;
    std::fill(std::begin(root->audit_head), std::end(root->audit_head), uint8_t{0});
    params->generation = 0;
    return bytes;
  };
  const AlignedBytes left = neutral(a);
  const AlignedBytes right = neutral(b);
  return left.size() == right.size() && memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace evenkeel
