#include "control/publish/effective.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "control/overlay/overlay.h"
#include "dataplane/table/digest.h"

namespace evenkeel {
namespace {

class EffectiveTables {
 public:
  EffectiveTables(const Succession& succession, const StandingOf& standing_of, ImageSpec* spec)
      : succession_(succession), standing_of_(standing_of), spec_(*spec) {}

  absl::StatusOr<AdvanceCounts> Make() {
    for (PoolSpec& pool : spec_.pools) SetStandings(pool);
    for (const PoolSpec& pool : spec_.pools) owners_.push_back(OwnersOf(pool));
    absl::StatusOr<Advanced> advanced = AdvanceAll();
    if (!advanced.ok()) return advanced.status();
    spec_.transitions = std::move(advanced->transitions);
    DropMissing();
    for (size_t i = 0; i < spec_.pools.size(); i++) {
      if (absl::Status s = SetTable(spec_.pools[i], advanced->slots[i]); !s.ok()) return s;
    }
    return advanced->counts;
  }

 private:
  void SetStandings(PoolSpec& pool);
  std::vector<uint16_t> OwnersOf(const PoolSpec& pool) const;
  absl::StatusOr<Advanced> AdvanceAll() const;
  void DropMissing();
  absl::Status SetTable(PoolSpec& pool, const std::vector<lb_slot>& slots);
  const lb_backend* RunningBackend(uint16_t lease, const Address& address) const;

  const Succession& succession_;
  const StandingOf& standing_of_;
  ImageSpec& spec_;
  std::vector<std::vector<uint16_t>> owners_;  // by pool
  std::vector<bool> is_member_, is_out_;       // by backend index
};

template <typename T>
void SetAt(std::vector<T>& values, size_t at, bool value) {
  if (values.size() <= at) values.resize(at + 1);
  values[at] = value;
}
bool IsSetAt(const std::vector<bool>& values, size_t at) {
  return at < values.size() && values[at];
}

// Of a leaving backend nothing is known any more: it stays as it was.
void EffectiveTables::SetStandings(PoolSpec& pool) {
  for (MemberSpec& member : pool.members) {
    SetAt(is_member_, member.lease, true);
    if (member.flags & LB_BACKEND_LEAVING) {
      const lb_backend* running = RunningBackend(member.lease, member.address);
      if (running != nullptr) member.state = static_cast<lb_backend_state>(running->state);
      continue;
    }
    if (!standing_of_) continue;
    const BackendStanding standing = standing_of_(pool.name, member.address);
    member.state = standing.state;
    const bool is_in = standing.steps != 0;
    member.withheld = static_cast<uint8_t>(is_in ? LB_RAMP_STEPS - standing.steps : 0);
    SetAt(is_out_, member.lease, !is_in);
  }
}

std::vector<uint16_t> EffectiveTables::OwnersOf(const PoolSpec& pool) const {
  if (pool.base == nullptr) return {};
  std::vector<OverlayMember> members;
  for (const MemberSpec& member : pool.members) {
    if (member.weight == 0) continue;
    const bool is_out = IsSetAt(is_out_, member.lease);
    const auto steps = static_cast<uint8_t>(is_out ? 0 : LB_RAMP_STEPS - member.withheld);
    members.push_back({member.backend_id, member.weight, member.lease, steps});
  }
  return OverlaidOwners(pool.base->slots(), members);
}

absl::StatusOr<Advanced> EffectiveTables::AdvanceAll() const {
  std::vector<RunningPool> running;
  AdvanceInput input{.has_failed = [this](uint16_t b) { return IsSetAt(is_out_, b); },
                     .evidence = succession_.evidence,
                     .now_ns = succession_.now_ns,
                     .open_at_least_ns = succession_.open_at_least_ns};
  if (const ImageView* image = succession_.running) {
    for (const lb_pool& pool : image->pools()) {
      if (pool.table == LB_TABLE_NONE) continue;
      running.push_back({pool.id, image->tables()[pool.table]->slots()});
    }
    input.transitions = image->transitions();
  }
  std::vector<NextPool> next;
  for (size_t i = 0; i < spec_.pools.size(); i++) {
    const PoolSpec& pool = spec_.pools[i];
    next.push_back({NameId(pool.name), owners_[i], pool.idle_s * kSecondNs});
  }
  input.running = running;
  input.next = next;
  return Advance(input);
}

// A backend that the image has no room for (its address can no longer be reached) is nobody's
// previous: its flows are with their entries alone.
void EffectiveTables::DropMissing() {
  for (lb_transition& transition : spec_.transitions) {
    if (transition.armed_until_ns != 0 && !IsSetAt(is_member_, transition.armed_previous)) {
      transition.armed_until_ns = 0;
      transition.armed_previous = LB_NONE;
    }
    if (transition.previous != LB_NONE && !IsSetAt(is_member_, transition.previous)) {
      transition = TailRecord();
    }
  }
}

absl::Status EffectiveTables::SetTable(PoolSpec& pool, const std::vector<lb_slot>& slots) {
  if (pool.base == nullptr || std::ranges::equal(slots, pool.base->slots())) {
    return absl::OkStatus();
  }
  if (const ImageView* image = succession_.running) {
    for (const lb_pool& running : image->pools()) {
      if (running.id != NameId(pool.name) || running.table == LB_TABLE_NONE) continue;
      const TablePtr& table = image->tables()[running.table];
      if (std::ranges::equal(slots, table->slots())) pool.effective = table;
    }
  }
  if (pool.effective == nullptr) {
    absl::StatusOr<TablePtr> table = Table::Create(slots);
    if (!table.ok()) return table.status();
    pool.effective = *std::move(table);
  }
  std::vector<uint64_t> ids(LB_BACKENDS_MAX);
  for (const MemberSpec& member : pool.members) ids[member.lease] = member.backend_id;
  pool.effective_id_digest =
      IdDigest(*pool.effective, [&](uint16_t backend) { return ids[backend]; });
  return absl::OkStatus();
}

// Null where the index was another's.
const lb_backend* EffectiveTables::RunningBackend(uint16_t lease, const Address& address) const {
  const ImageView* image = succession_.running;
  if (image == nullptr || lease >= image->backends().size()) return nullptr;
  const lb_backend& backend = image->backends()[lease];
  return std::equal(address.begin(), address.end(), backend.address) ? &backend : nullptr;
}

}  // namespace

absl::StatusOr<AdvanceCounts> MakeEffective(const Succession& succession,
                                            const StandingOf& standing_of, ImageSpec* spec) {
  return EffectiveTables(succession, standing_of, spec).Make();
}

std::vector<bool> NamedBackends(const ImageView& image) {
  std::vector<bool> named(image.backends().size());
  for (const TablePtr& table : image.tables()) {
    for (const SlotShare& share : table->shares()) named[share.backend] = true;
  }
  for (const lb_transition& transition : image.transitions()) {
    if (transition.state == LB_SLOT_PURE) continue;  // entry 0
    if (transition.previous != LB_NONE) named[transition.previous] = true;
    if (transition.armed_until_ns != 0) named[transition.armed_previous] = true;
  }
  return named;
}

}  // namespace evenkeel
