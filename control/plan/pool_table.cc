#include "control/plan/pool_table.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

absl::StatusOr<Fill> FillOf(const PoolTable& table) {
  return BuildFill(table.fill == FillKind::kMaglev ? LB_FILL_MAGLEV : LB_FILL_EXACT, table.backends,
                   static_cast<uint32_t>(std::countr_zero(table.slots)));
}

absl::StatusOr<PoolTablePtr> Build(const Pool& pool,
                                   const std::vector<std::pair<uint64_t, uint32_t>>& members) {
  auto table = std::make_shared<PoolTable>();
  table->fill = pool.table.fill;
  table->slots = pool.table.slots;
  if (members.empty()) return table;
  for (const auto& [id, weight] : members) table->backends.push_back({.id = id, .weight = weight});
  absl::StatusOr<Fill> fill = FillOf(*table);
  if (!fill.ok()) {
    return absl::Status(fill.status().code(),
                        absl::StrCat(PathOf(pool), ": ", fill.status().message()));
  }
  const std::vector<uint32_t> counts = CountSlots(*fill, table->backends.size());
  for (size_t i = 0; i < table->backends.size(); ++i) {
    table->slots_of[table->backends[i].id] = counts[i];
  }
  table->owners.assign(fill->begin(), fill->end());
  table->digest = IdDigest(*fill, table->backends);
  return table;
}

// `made` is for those of a table that has none. It was filled once, so it can be again.
const std::vector<uint16_t>& OwnersOf(const PoolTable& table, std::vector<uint16_t>& made) {
  if (!table.owners.empty()) return table.owners;
  const Fill fill = *FillOf(table);
  made.assign(fill.begin(), fill.end());
  return made;
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
  for (const FillBackend& backend : before.backends) {
    const auto found = std::ranges::lower_bound(after.backends, backend.id, {}, &FillBackend::id);
    const bool is_there = found != after.backends.end() && found->id == backend.id;
    places.push_back(is_there ? static_cast<uint16_t>(found - after.backends.begin()) : kNobody);
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

absl::StatusOr<PoolTablePtr> PoolTables::Use::Get(const Pool& pool) {
  Key key{.fill = pool.table.fill, .slots = pool.table.slots};
  for (const Backend& backend : pool.backends) {
    const uint32_t weight = backend.effective_weight();
    if (weight != 0) key.members.emplace_back(BackendId(backend.address.bytes()), weight);
  }
  std::sort(key.members.begin(), key.members.end());
  if (auto found = used_.find(key); found != used_.end()) return found->second;
  const auto kept = tables_.kept_.find(key);
  absl::StatusOr<PoolTablePtr> table =
      kept != tables_.kept_.end() ? kept->second : Build(pool, key.members);
  if (table.ok()) used_.emplace(std::move(key), *table);
  return table;
}

PoolTables::Use::~Use() {
  for (auto& [key, table] : used_) {
    if (table->owners.empty()) continue;
    auto summary = std::make_shared<PoolTable>(*table);
    summary->owners = {};
    table = std::move(summary);
  }
  tables_.kept_ = std::move(used_);
}

Movement Compare(const PoolTable& before, const PoolTable& after) {
  if (&before == &after) return {};
  if (before.empty() || after.empty()) return EndOf(before);
  Movement movement = Gains(before, after);
  // A slot is the top bits of the hash: the larger table's slot s lies in the smaller one's s >>
  // shift.
  const uint32_t grid = std::max(before.slots, after.slots);
  const int before_shift = std::countr_zero(grid / before.slots);
  const int after_shift = std::countr_zero(grid / after.slots);
  const std::vector<uint16_t> places = PlacesIn(after, before);
  std::vector<uint16_t> made_before, made_after;
  const std::vector<uint16_t>& was = OwnersOf(before, made_before);
  const std::vector<uint16_t>& is = OwnersOf(after, made_after);
  uint32_t moved = 0;
  for (uint32_t slot = 0; slot < grid; ++slot) {
    moved += places[was[slot >> before_shift]] != is[slot >> after_shift];
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
