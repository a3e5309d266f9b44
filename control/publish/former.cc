#include "control/publish/former.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "control/transition/slot_rule.h"
#include "dataplane/forward/match.h"
#include "dataplane/table/layout.h"

namespace evenkeel {
namespace {

// How a service finds a backend.
struct Way {
  uint64_t pool = 0;  // id
  uint8_t affinity = LB_AFFINITY_FLOW;
  uint8_t slots_log2 = 0;

  friend bool operator==(const Way&, const Way&) = default;
};

class FormerMaker {
 public:
  FormerMaker(const Succession& succession, const AddNextHop& add_next_hop, ImageSpec* spec)
      : succession_(succession),
        image_(*succession.running),
        add_next_hop_(add_next_hop),
        spec_(*spec) {}

  absl::StatusOr<uint64_t> Make() {
    const std::vector<std::optional<Former>> formers = FindFormers();
    if (!on_their_way_.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("service ", on_their_way_.front().service,
                                                        " ", kStillOnItsWay, ", ", kOverWhenPure));
    }
    std::vector<uint64_t> missing;
    for (const std::optional<Former>& former : formers) {
      if (former && !PlaceOf(former->way.pool)) missing.push_back(former->way.pool);
    }
    std::ranges::sort(missing);
    const auto repeated = std::ranges::unique(missing);
    missing.erase(repeated.begin(), repeated.end());
    for (const uint64_t pool : missing) {
      if (absl::Status s = AddPool(pool); !s.ok()) return s;
    }
    for (size_t i = 0; i < formers.size(); i++) {
      if (!formers[i]) continue;
      if (absl::Status s = SetFormer(*formers[i], spec_.services[i]); !s.ok()) return s;
    }
    return ended_;
  }

  std::vector<StillOnItsWay> FindStillOnTheirWay() {
    FindFormers();
    return std::move(on_their_way_);
  }

 private:
  struct Former {
    Way way;
    uint64_t until_ns = 0;
    const lb_service* record = nullptr;  // that went this way in the image that runs
  };

  std::vector<std::optional<Former>> FindFormers();
  std::optional<Former> FormerOf(const ServiceSpec& service);
  std::optional<Former> ReturnedTo(const ServiceSpec& service, const Way& after) const;
  const lb_service* GiverOf(const ServiceSpec& service) const;
  const lb_service* MatchOf(const ServiceSpec& service) const;
  bool IsOver(const lb_service& service, const lb_service& former) const;
  uint64_t Until(const lb_service& giver, lb_transport transport) const;
  Way WayOf(const lb_service& service) const;
  Way WayOf(const ServiceSpec& service) const;
  const lb_pool* RunningPool(uint64_t id) const;
  std::optional<uint16_t> PlaceOf(uint64_t pool) const;
  absl::Status AddPool(uint64_t id);
  absl::Status SetFormer(const Former& former, ServiceSpec& service);
  absl::StatusOr<TablePtr> TableOf(const Former& former, lb_transport transport);
  absl::StatusOr<TablePtr> OwnersNow(const lb_pool& pool, lb_transport transport) const;

  const Succession& succession_;
  const ImageView& image_;
  const AddNextHop& add_next_hop_;
  ImageSpec& spec_;
  std::map<std::pair<uint64_t, lb_transport>, TablePtr> owners_now_;  // by pool
  std::vector<StillOnItsWay> on_their_way_;
  uint64_t ended_ = 0;
};

// By the services' places.
std::vector<std::optional<FormerMaker::Former>> FormerMaker::FindFormers() {
  std::vector<std::optional<Former>> formers;
  for (const ServiceSpec& service : spec_.services) formers.push_back(FormerOf(service));
  return formers;
}

std::optional<FormerMaker::Former> FormerMaker::FormerOf(const ServiceSpec& service) {
  const lb_service* giver = GiverOf(service);
  if (giver == nullptr) return std::nullopt;
  const Way before = WayOf(*giver), after = WayOf(service);
  const lb_service* former = giver->former == LB_NONE ? nullptr : &image_.services()[giver->former];
  if (former != nullptr && IsOver(*giver, *former)) {
    former = nullptr;
    ended_++;
  }
  if (before == after) {
    if (former == nullptr) return ReturnedTo(service, after);
    return Former{WayOf(*former), giver->former_until_ns, former};
  }
  if (giver->table == LB_TABLE_NONE) return std::nullopt;
  const Former next{before, Until(*giver, service.transport), giver};
  if (former == nullptr) return next;
  const bool is_open = succession_.now_ns < giver->former_until_ns;
  if (WayOf(*former) == after) return Former{before, is_open ? 0 : next.until_ns, giver};
  // What is left of the former way are entries, and those of two pools count.
  const uint64_t entries_of = WayOf(*former).pool;
  const bool counts_two = entries_of == before.pool || entries_of == after.pool;
  if (!is_open && counts_two) return next;
  on_their_way_.push_back({.service = service.name,
                           .open_until_ns = is_open ? giver->former_until_ns : 0,
                           .over_with_window = counts_two});
  return std::nullopt;
}

// Gets back what had been carved out of it: what began there meanwhile has entries.
std::optional<FormerMaker::Former> FormerMaker::ReturnedTo(const ServiceSpec& service,
                                                           const Way& after) const {
  const lb_prefix_mask mask = PrefixMask(service.prefix_length);
  for (const lb_service& running : image_.services()) {
    if (running.former == LB_NONE || running.transport != service.transport) continue;
    if (WayOf(image_.services()[running.former]) != after) continue;
    const bool goes_on = std::ranges::any_of(
        spec_.services, [&](const ServiceSpec& other) { return NameId(other.name) == running.id; });
    if (goes_on) continue;
    const lb_vip& vip = image_.vips()[running.vip];
    const lb_address inner = lb_load_address(vip.address);
    const lb_address outer = lb_load_address(service.vip.data());
    const bool is_inside = vip.prefix_length >= service.prefix_length &&
                           (inner.word[0] & mask.word[0]) == outer.word[0] &&
                           (inner.word[1] & mask.word[1]) == outer.word[1];
    if (is_inside) return Former{WayOf(running), 0, &running};
  }
  return std::nullopt;
}

// What had the packets that `service` gets.
const lb_service* FormerMaker::GiverOf(const ServiceSpec& service) const {
  const uint64_t id = NameId(service.name);
  for (const lb_service& running : image_.services()) {
    if (running.id != id) continue;
    const lb_vip& vip = image_.vips()[running.vip];
    const bool is_same = std::ranges::equal(service.vip, vip.address) &&
                         service.prefix_length == vip.prefix_length &&
                         service.transport == running.transport;
    if (is_same) return &running;  // the one that matches comes before its former record
  }
  return MatchOf(service);
}

const lb_service* FormerMaker::MatchOf(const ServiceSpec& service) const {
  lb_view view{};
  view.params = &image_.params();
  view.vips = image_.vips().data();
  view.vip_rows = image_.vip_rows().data();
  view.port_rows = image_.port_rows().data();
  view.port_ranges = image_.port_ranges().data();
  const lb_address address = lb_load_address(service.vip.data());
  const uint16_t port = service.any_port ? 0 : service.ports.front().low;
  const uint32_t index = lb_match_outer(&view, &address, FamilyOf(service.vip), 0,
                                        static_cast<uint32_t>(service.transport) << 16 | port);
  return index == LB_NONE ? nullptr : &image_.services()[index];
}

// Whether no packet goes by the former way any more.
bool FormerMaker::IsOver(const lb_service& service, const lb_service& former) const {
  const TailEvidence* evidence = succession_.evidence;
  if (evidence == nullptr) return false;
  if (std::min(succession_.now_ns, evidence->begun_ns()) < service.former_until_ns) return false;
  const lb_pool& pool = image_.pools()[former.pool];
  // An entry does not tell by which table or hash of the pool it was made.
  if (former.pool == service.pool) return evidence->IsPoolClear(pool.id);
  return std::ranges::all_of(image_.members_of(pool), [&](const lb_member& member) {
    return evidence->EntriesOf(member.backend) == 0;
  });
}

uint64_t FormerMaker::Until(const lb_service& giver, lb_transport transport) const {
  // A datagram does not tell whether it is a first one.
  const uint64_t idle_ns =
      transport == LB_UDP ? kArmedNs : uint64_t{image_.pools()[giver.pool].idle_s} * kSecondNs;
  return OpenUntil(succession_.now_ns + idle_ns, succession_.open_at_least_ns);
}

Way FormerMaker::WayOf(const lb_service& service) const {
  return {image_.pools()[service.pool].id, service.affinity,
          static_cast<uint8_t>(64 - service.slot_shift)};
}

Way FormerMaker::WayOf(const ServiceSpec& service) const {
  const PoolSpec& pool = spec_.pools[service.pool];
  return {IdOf(pool), static_cast<uint8_t>(service.affinity), pool.slots_log2};
}

const lb_pool* FormerMaker::RunningPool(uint64_t id) const {
  const auto found = std::ranges::find(image_.pools(), id, &lb_pool::id);
  return found == image_.pools().end() ? nullptr : &*found;
}

std::optional<uint16_t> FormerMaker::PlaceOf(uint64_t pool) const {
  const auto found = std::ranges::find(spec_.pools, pool, IdOf);
  if (found == spec_.pools.end()) return std::nullopt;
  return static_cast<uint16_t>(found - spec_.pools.begin());
}

// As it runs: nobody checks its backends any more, and their states stay.
absl::Status FormerMaker::AddPool(uint64_t id) {
  const lb_pool& running = *RunningPool(id);
  PoolSpec pool{.name = {},
                .id = id,
                .fill = static_cast<lb_fill>(running.fill),
                .slots_log2 = running.slots_log2,
                .idle_s = running.idle_s};
  for (const lb_member& member : image_.members_of(running)) {
    const lb_backend& backend = image_.backends()[member.backend];
    const lb_next_hop& running_hop = image_.next_hops()[backend.next_hop];
    NextHopSpec hop;
    std::ranges::copy(running_hop.address, hop.address.begin());
    if (running_hop.has_static_mac) {
      std::ranges::copy(running_hop.static_mac, hop.static_mac.emplace().begin());
    }
    const absl::StatusOr<uint16_t> next_hop = add_next_hop_(hop);
    if (!next_hop.ok()) return next_hop.status();
    MemberSpec spec{.backend_id = backend.id,
                    .lease = member.backend,
                    .next_hop = *next_hop,
                    .weight = member.weight,
                    .slots = member.slots,
                    .encap = static_cast<lb_encap>(backend.encap),
                    .state = static_cast<lb_backend_state>(backend.state),
                    .flags = backend.flags,
                    .withheld = backend.withheld};
    std::ranges::copy(backend.address, spec.address.begin());
    pool.members.push_back(spec);
  }
  const auto id_digest_of = [&](uint32_t table) {
    Digest digest;
    std::ranges::copy(image_.table_refs()[table].id_digest, digest.begin());
    return digest;
  };
  if (running.base_table != LB_TABLE_NONE) {
    pool.base = image_.tables()[running.base_table];
    pool.base_id_digest = id_digest_of(running.base_table);
  }
  spec_.pools.push_back(std::move(pool));
  return absl::OkStatus();
}

absl::Status FormerMaker::SetFormer(const Former& former, ServiceSpec& service) {
  const uint16_t place = *PlaceOf(former.way.pool);
  const PoolSpec& pool = spec_.pools[place];
  FormerSpec spec{.pool = place,
                  .affinity = static_cast<lb_affinity>(former.way.affinity),
                  .until_ns = former.until_ns};
  if (pool.slots_log2 != former.way.slots_log2 && former.record->table != LB_TABLE_NONE) {
    const absl::StatusOr<TablePtr> table = TableOf(former, service.transport);
    if (!table.ok()) return table.status();
    absl::flat_hash_map<uint16_t, uint64_t> ids;
    for (const MemberSpec& member : pool.members) ids[member.lease] = member.backend_id;
    // A backend that can no longer be reached has no record.
    const bool has_all = std::ranges::all_of(
        (*table)->shares(), [&](const SlotShare& share) { return ids.contains(share.backend); });
    if (!has_all) return absl::OkStatus();
    spec.table = *table;
    spec.id_digest = IdDigest(**table, [&](uint16_t backend) { return ids[backend]; });
  }
  service.former = std::move(spec);
  return absl::OkStatus();
}

// Of a pool that has another number of slots from now on: as it is already kept, or as it runs.
absl::StatusOr<TablePtr> FormerMaker::TableOf(const Former& former, lb_transport transport) {
  const lb_service& record = *former.record;
  const lb_pool& pool = image_.pools()[record.pool];
  if (record.table != pool.table) return image_.tables()[record.table];
  TablePtr& known = owners_now_[{pool.id, transport}];
  if (known == nullptr) {
    absl::StatusOr<TablePtr> made = OwnersNow(pool, transport);
    if (!made.ok()) return made;
    known = *std::move(made);
  }
  return known;
}

// Who has the packets that no entry claims, as lb_former_owner() finds it. It stays so: what began
// at an open slot's new owner has an entry.
absl::StatusOr<TablePtr> FormerMaker::OwnersNow(const lb_pool& pool, lb_transport transport) const {
  const std::span<const lb_slot> running = image_.tables()[pool.table]->slots();
  std::vector<lb_slot> owners;
  owners.reserve(running.size());
  for (const lb_slot slot : running) {
    const lb_transition& transition = image_.transitions()[lb_slot_transition(slot)];
    uint16_t owner = lb_slot_backend(slot);
    if (transport == LB_TCP && IsOpen(transition, succession_.now_ns)) owner = transition.previous;
    if (transport == LB_UDP && IsArmed(transition, succession_.now_ns)) {
      owner = transition.armed_previous;
    }
    owners.push_back(owner);
  }
  return Table::Create(owners);
}

}  // namespace

absl::StatusOr<uint64_t> MakeFormers(const Succession& succession, const AddNextHop& add_next_hop,
                                     ImageSpec* spec) {
  if (succession.running == nullptr) return 0;
  return FormerMaker(succession, add_next_hop, spec).Make();
}

std::vector<StillOnItsWay> FindStillOnTheirWay(const Succession& succession, ImageSpec candidate) {
  if (succession.running == nullptr) return {};
  return FormerMaker(succession, {}, &candidate).FindStillOnTheirWay();
}

bool HasFormers(const ImageView& image) {
  return std::ranges::any_of(image.services(),
                             [](const lb_service& service) { return service.former != LB_NONE; });
}

}  // namespace evenkeel
