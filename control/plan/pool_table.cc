#include "control/plan/pool_table.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

absl::StatusOr<PoolTablePtr> Build(const Pool& pool,
                                   const std::vector<std::pair<uint64_t, uint32_t>>& members) {
  auto table = std::make_shared<PoolTable>();
  table->slots = pool.table.slots;
  if (members.empty()) return table;
  std::vector<FillBackend> backends;
  for (const auto& [id, weight] : members) backends.push_back({.id = id, .weight = weight});
  const lb_fill kind = pool.table.fill == FillKind::kMaglev ? LB_FILL_MAGLEV : LB_FILL_EXACT;
  const uint32_t slots_log2 = static_cast<uint32_t>(std::countr_zero(pool.table.slots));
  absl::StatusOr<Fill> fill = BuildFill(kind, backends, slots_log2);
  if (!fill.ok()) {
    return absl::Status(fill.status().code(),
                        absl::StrCat(PathOf(pool), ": ", fill.status().message()));
  }
  const std::vector<uint32_t> counts = CountSlots(*fill, backends.size());
  for (size_t i = 0; i < backends.size(); ++i) {
    table->slots_of[backends[i].id] = counts[i];
    table->ids.push_back(backends[i].id);
  }
  table->owners.assign(fill->begin(), fill->end());
  table->digest = IdDigest(*fill, backends);
  return table;
}

// A newcomer of up to so many times the largest share of those that stay is growth.
constexpr double kLikeThose = 2;

double Share(const PoolTable& table, uint64_t id) {
  const auto found = table.slots_of.find(id);
  return found == table.slots_of.end() ? 0 : static_cast<double>(found->second) / table.slots;
}

constexpr uint16_t kNobody = LB_BACKENDS_MAX;  // no place: a node has no more backends

// The place in `after` of each backend of `before`.
std::vector<uint16_t> PlacesIn(const PoolTable& after, const PoolTable& before) {
  std::vector<uint16_t> places;
  for (const uint64_t id : before.ids) {
    const auto found = std::lower_bound(after.ids.begin(), after.ids.end(), id);
    const bool is_there = found != after.ids.end() && *found == id;
    places.push_back(is_there ? static_cast<uint16_t>(found - after.ids.begin()) : kNobody);
  }
  return places;
}

// Where one side has no backends: all flows lose theirs, or there were none.
Movement EndOf(const PoolTable& before) {
  if (before.empty()) return {};
  return {.moved = 1, .unavoidable = 1};
}

// All of Movement but `moved`.
Movement Gains(const PoolTable& before, const PoolTable& after) {
  Movement movement;
  double largest_kept = 0;
  for (const auto& [id, slots] : after.slots_of) {
    const double now = Share(before, id);
    const double then = Share(after, id);
    movement.unavoidable += std::max(0.0, then - now);
    if (now > 0) largest_kept = std::max(largest_kept, then);
  }
  for (const auto& [id, slots] : after.slots_of) {
    if (Share(before, id) > 0) continue;
    const double then = Share(after, id);
    // Where nobody stays, the loss of the whole pool is what is told.
    movement.forced += largest_kept == 0 ? then : std::min(then, kLikeThose * largest_kept);
  }
  return movement;
}

}  // namespace

uint32_t PoolTable::SlotsOf(const IpAddress& address) const {
  const auto found = slots_of.find(BackendId(address.bytes()));
  return found == slots_of.end() ? 0 : found->second;
}

double PoolTable::ShareOf(const IpAddress& address) const {
  return static_cast<double>(SlotsOf(address)) / slots;
}

absl::StatusOr<PoolTablePtr> PoolTables::Get(const Pool& pool) {
  Key key{.fill = pool.table.fill, .slots = pool.table.slots};
  for (const Backend& backend : pool.backends) {
    const uint32_t weight = backend.effective_weight();
    if (weight != 0) key.members.emplace_back(BackendId(backend.address.bytes()), weight);
  }
  std::sort(key.members.begin(), key.members.end());
  if (auto found = tables_.find(key); found != tables_.end()) return found->second;
  absl::StatusOr<PoolTablePtr> table = Build(pool, key.members);
  if (table.ok()) tables_.emplace(std::move(key), *table);
  return table;
}

Movement Compare(const PoolTable& before, const PoolTable& after) {
  if (before.empty() || after.empty()) return EndOf(before);
  Movement movement = Gains(before, after);
  // A slot is the top bits of the hash: the larger table's slot s lies in the smaller one's s >>
  // shift.
  const uint32_t grid = std::max(before.slots, after.slots);
  const int before_shift = std::countr_zero(grid / before.slots);
  const int after_shift = std::countr_zero(grid / after.slots);
  const std::vector<uint16_t> places = PlacesIn(after, before);
  uint32_t moved = 0;
  for (uint32_t slot = 0; slot < grid; ++slot) {
    moved += places[before.owners[slot >> before_shift]] != after.owners[slot >> after_shift];
  }
  movement.moved = static_cast<double>(moved) / grid;
  return movement;
}

Movement CompareUnrelated(const PoolTable& before, const PoolTable& after) {
  if (before.empty() || after.empty()) return EndOf(before);
  Movement movement = Gains(before, after);
  movement.moved = 1;
  for (const auto& [id, slots] : after.slots_of)
    movement.moved -= Share(before, id) * Share(after, id);
  return movement;
}

}  // namespace evenkeel
