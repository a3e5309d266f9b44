#include "bpf/map_audit.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

// Beyond these only their number is told.
constexpr size_t kNamedMax = 5;

template <typename Record>
std::span<const Record> OfSet(std::span<Record> map, uint32_t set, uint32_t per_set) {
  return map.subspan(size_t{set} * per_set, per_set);
}

// As it lies in an image: what only the plane's copy holds is taken out.
template <typename Record>
Record Published(const Record& record) {
  return record;
}
lb_service Published(lb_service service) {
  service.plane_word = 0;
  return service;
}

}  // namespace

MapAudit::MapAudit(const LbMaps& maps, uint32_t set) : maps_(maps), set_(set) {
  facts_.generation = maps.params[set].generation;
  absl::StatusOr<SetRoot> read = ReadSetRoot(maps, set);
  absl::Status status = read.status();
  if (status.ok()) status = VerifyFrame(read->root.bytes());
  if (!status.ok()) {
    facts_.faults.push_back(
        absl::StrCat("map roots, set ", set, ", which states what runs: ", status.message()));
    return;
  }
  read_ = *std::move(read);
  if (read_.generation != root().generation || facts_.generation != root().generation) {
    facts_.faults.push_back(absl::StrCat("map params, set ", set, ": it holds generation ",
                                         facts_.generation, ", the root ", root().generation));
  }
  const lb_map_sizes& sizes = maps.sizes;
  CheckRecords<lb_params>("params", LB_SECTION_PARAMS, maps.params.subspan(set, 1));
  CheckRecords<lb_vip>("vips", LB_SECTION_VIPS, OfSet(maps.vips, set, sizes.vips));
  CheckRecords<lb_vip_row>("vip_rows", LB_SECTION_VIP_ROWS,
                           OfSet(maps.vip_rows, set, sizes.vip_rows));
  CheckRecords<lb_port_row>("port_rows", LB_SECTION_PORT_ROWS,
                            OfSet(maps.port_rows, set, sizes.port_rows));
  CheckRecords<lb_port_range>("port_ranges", LB_SECTION_PORT_RANGES,
                              OfSet(maps.port_ranges, set, sizes.port_ranges));
  CheckRecords<lb_service>("services", LB_SECTION_SERVICES,
                           OfSet(maps.services, set, sizes.services));
  CheckRecords<lb_backend>("backends", LB_SECTION_BACKENDS,
                           OfSet(maps.backends, set, sizes.backends));
  CheckRecords<lb_transition>("transitions", LB_SECTION_TRANSITIONS,
                              OfSet(maps.transitions, set, sizes.transitions));
  CheckRecords<lb_pool>("pools", LB_SECTION_POOLS, OfSet(maps.pools, set, sizes.pools));
  CheckServices();
  CheckUnusedBackends();
  CheckNextHops();
  const auto backends = OfSet(maps.backends, set, sizes.backends);
  const size_t count = std::min(Stated<lb_backend>(LB_SECTION_BACKENDS).size(), backends.size());
  backends_.assign(backends.begin(), backends.begin() + static_cast<ptrdiff_t>(count));
  id_digests_.resize(read_.rows.size());
}

template <typename Record>
std::span<const Record> MapAudit::Stated(lb_section section) const {
  const lb_section_ref& ref = root().section[section];
  return {reinterpret_cast<const Record*>(read_.root.data() + ref.offset), ref.count};
}

template <typename Record>
void MapAudit::CheckRecords(absl::string_view name, lb_section section,
                            std::span<const Record> map) {
  const std::span<const Record> stated = Stated<Record>(section);
  size_t count = 0;
  for (size_t i = 0; i < stated.size(); ++i) {
    if (i < map.size()) {
      const Record found = Published(map[i]);
      if (std::memcmp(&found, &stated[i], sizeof(found)) == 0) continue;
    }
    if (++count > kNamedMax) continue;
    facts_.faults.push_back(
        absl::StrCat("map ", name, ", record ", i, ": it is not what the image states"));
  }
  if (count > kNamedMax) {
    facts_.faults.push_back(
        absl::StrCat("map ", name, ": ", count, " records are not what the image states"));
  }
}

void MapAudit::CheckServices() {
  const std::span<const lb_service> map = OfSet(maps_.services, set_, maps_.sizes.services);
  for (size_t i = 0; i < Stated<lb_service>(LB_SECTION_SERVICES).size() && i < map.size(); ++i) {
    const uint32_t table = Stated<lb_service>(LB_SECTION_SERVICES)[i].table;
    const uint64_t row = table < read_.rows.size() ? read_.rows[table] : 0;
    if (map[i].plane_word == row) continue;
    facts_.faults.push_back(absl::StrCat("map services, record ", i,
                                         ": its slots are taken from row ", map[i].plane_word,
                                         ", its table lies at ", row));
  }
}

// A flow entry may name any index, so that what the image does not have must not be there.
void MapAudit::CheckUnusedBackends() {
  const std::span<const lb_backend> map = OfSet(maps_.backends, set_, maps_.sizes.backends);
  constexpr lb_backend kNone{};
  for (size_t i = Stated<lb_backend>(LB_SECTION_BACKENDS).size(); i < map.size(); ++i) {
    if (std::memcmp(&map[i], &kNone, sizeof(kNone)) == 0) continue;
    facts_.faults.push_back(
        absl::StrCat("map backends, record ", i, ": the image has no such backend"));
    return;
  }
}

// Their words change without a publication; a MAC that the configuration sets does not.
void MapAudit::CheckNextHops() {
  constexpr uint64_t kMacBits = (uint64_t{1} << 48) - 1;
  const auto words = maps_.next_hops.subspan(size_t{set_} * maps_.sizes.next_hops);
  const auto hops = Stated<lb_next_hop>(LB_SECTION_NEXT_HOPS);
  for (size_t i = 0; i < hops.size() && i < words.size(); ++i) {
    if (hops[i].has_static_mac == 0) continue;
    const uint64_t stated = lb_next_hop_word(hops[i].static_mac);
    if (((words[i] ^ stated) & (kMacBits | LB_NEXT_HOP_VALID)) == 0) continue;
    facts_.faults.push_back(
        absl::StrCat("map next_hops, record ", i, ": its MAC is not the configured one"));
  }
}

void MapAudit::CopyTable(size_t i) {
  const size_t count = size_t{1} << Stated<lb_table_ref>(LB_SECTION_TABLES)[i].slots_log2;
  const uint32_t* first = maps_.slot_rows[read_.rows[i]].slot;
  slots_.assign(first, first + count);
}

void MapAudit::CheckTable(size_t i) {
  id_digests_[i] = IdDigestOf(slots_, backends_);
  const lb_table_ref& ref = Stated<lb_table_ref>(LB_SECTION_TABLES)[i];
  const Digest found = Sha256(std::as_bytes(std::span(slots_)));
  if (std::memcmp(found.data(), ref.digest, found.size()) == 0) return;
  const size_t before = facts_.faults.size();
  CheckShares(i);
  if (facts_.faults.size() != before) return;
  facts_.faults.push_back(absl::StrCat("map slot_rows, table ", i, " of ", PoolName(ref.pool),
                                       ": its slots are not those that the image states"));
}

// Which backend has more or fewer slots than the image states, where the table is a pool's base.
void MapAudit::CheckShares(size_t table) {
  std::vector<uint32_t> owned(size_t{LB_BACKENDS_MAX} + 1);
  for (const lb_slot slot : slots_) ++owned[lb_slot_backend(slot)];
  const auto pools = Stated<lb_pool>(LB_SECTION_POOLS);
  for (uint32_t i = 0; i < pools.size(); ++i) {
    if (pools[i].base_table != table) continue;
    const auto members = Stated<lb_member>(LB_SECTION_MEMBERS);
    for (uint32_t k = 0; k < pools[i].member_count; ++k) {
      const size_t at = size_t{pools[i].member_first} + k;
      if (at >= members.size()) break;
      const uint16_t backend = members[at].backend;
      const uint32_t slots = std::exchange(owned[backend], 0);
      if (slots == members[at].slots) continue;
      Address address{};
      if (backend < backends_.size()) {
        std::memcpy(address.data(), backends_[backend].address, address.size());
      }
      facts_.faults.push_back(absl::StrCat("map slot_rows, ", PoolName(i), ": backend ",
                                           AddressText(address), " has ", slots,
                                           " slots, the image states ", members[at].slots));
    }
    const auto stranger = std::ranges::find_if(owned, [](uint32_t slots) { return slots != 0; });
    if (stranger == owned.end()) continue;
    facts_.faults.push_back(absl::StrCat("map slot_rows, ", PoolName(i), ": ", *stranger,
                                         " slots name backend ", stranger - owned.begin(),
                                         ", which is none of its members"));
  }
}

std::string MapAudit::PoolName(uint32_t pool) const {
  if (pool >= Stated<lb_pool>(LB_SECTION_POOLS).size()) return absl::StrCat("pool ", pool);
  return absl::StrCat("pool ", pool, " (id ",
                      absl::Hex(Stated<lb_pool>(LB_SECTION_POOLS)[pool].id, absl::kZeroPad16), ")");
}

ImageFacts MapAudit::Finish() {
  if (read_.root.size() == 0) return std::move(facts_);
  std::vector<std::pair<uint64_t, Digest>> digests;
  for (const lb_pool& pool : Stated<lb_pool>(LB_SECTION_POOLS)) {
    if (pool.base_table >= id_digests_.size()) continue;  // LB_TABLE_NONE
    digests.emplace_back(pool.id, id_digests_[pool.base_table]);
  }
  facts_.digest = CombineByPool(std::move(digests));
  return std::move(facts_);
}

}  // namespace evenkeel
