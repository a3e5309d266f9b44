#include "control/publish/effective.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
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
    FindRunning();
    for (PoolSpec& pool : spec_.pools) {
      if (IsAsItRuns(pool)) continue;
      moving_.push_back(&pool);
      owners_.push_back(OwnersOf(pool));
    }
    absl::StatusOr<Advanced> advanced = AdvanceMoving();
    if (!advanced.ok()) return advanced.status();
    spec_.transitions = std::move(advanced->transitions);
    DropMissing();
    for (size_t i = 0; i < moving_.size(); i++) {
      if (absl::Status s = SetTable(*moving_[i], advanced->slots[i]); !s.ok()) return s;
    }
    return advanced->counts;
  }

 private:
  void SetStandings(PoolSpec& pool);
  void FindRunning();
  TablePtr RunningTable(const PoolSpec& pool) const;
  bool IsAsItRuns(const PoolSpec& pool) const;
  std::vector<OverlayMember> OverlayMembersOf(const PoolSpec& pool) const;
  std::vector<uint16_t> OwnersOf(const PoolSpec& pool) const;
  std::vector<uint16_t> RunningOwners(const PoolSpec& pool) const;
  absl::StatusOr<Advanced> AdvanceMoving() const;
  void DropMissing();
  absl::Status SetTable(PoolSpec& pool, const std::vector<lb_slot>& slots);
  const lb_backend* RunningBackend(uint16_t lease, const Address& address) const;

  const Succession& succession_;
  const StandingOf& standing_of_;
  ImageSpec& spec_;
  using PoolSlots = std::pair<uint64_t, uint32_t>;  // the pool's id, log2 of its slots
  absl::flat_hash_map<PoolSlots, TablePtr> running_;
  std::vector<PoolSpec*> moving_;              // pools whose slots have to be looked at
  std::vector<std::vector<uint16_t>> owners_;  // of each of them
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
  const bool is_configured = pool.id == 0;
  for (MemberSpec& member : pool.members) {
    SetAt(is_member_, member.lease, true);
    if (member.flags & LB_BACKEND_LEAVING) {
      const lb_backend* running = RunningBackend(member.lease, member.address);
      if (running != nullptr) member.state = static_cast<lb_backend_state>(running->state);
      continue;
    }
    if (!standing_of_ || !is_configured) continue;
    const BackendStanding standing = standing_of_(pool.name, member.address);
    member.state = standing.state;
    const bool is_in = standing.steps != 0;
    member.withheld = static_cast<uint8_t>(is_in ? LB_RAMP_STEPS - standing.steps : 0);
    SetAt(is_out_, member.lease, !is_in);
  }
}

void EffectiveTables::FindRunning() {
  const ImageView* image = succession_.running;
  if (image == nullptr) return;
  for (const lb_pool& pool : image->pools()) {
    if (pool.table == LB_TABLE_NONE) continue;
    running_[{pool.id, pool.slots_log2}] = image->tables()[pool.table];
  }
  // A pool that gets back the number of slots that it had goes on from the table that was kept.
  for (const lb_transport transport : {LB_TCP, LB_UDP}) {
    for (const lb_service& service : image->services()) {
      if (service.transport != transport || service.table == LB_TABLE_NONE) continue;
      running_.try_emplace({image->pools()[service.pool].id, 64u - service.slot_shift},
                           image->tables()[service.table]);
    }
  }
}

// Null: the pool has no table there.
TablePtr EffectiveTables::RunningTable(const PoolSpec& pool) const {
  const auto found = running_.find({IdOf(pool), pool.slots_log2});
  return found == running_.end() ? nullptr : found->second;
}

// Every slot is pure and stays. Of a thousand services nearly all are so at nearly every change.
bool EffectiveTables::IsAsItRuns(const PoolSpec& pool) const {
  const TablePtr running = RunningTable(pool);
  if (pool.base == nullptr || running == nullptr || running->digest() != pool.base->digest()) {
    return false;
  }
  const std::vector<OverlayMember> members = OverlayMembersOf(pool);
  return std::ranges::all_of(
      members, [](const OverlayMember& member) { return member.steps >= LB_RAMP_STEPS; });
}

std::vector<OverlayMember> EffectiveTables::OverlayMembersOf(const PoolSpec& pool) const {
  std::vector<OverlayMember> members;
  for (const MemberSpec& member : pool.members) {
    if (member.weight == 0) continue;
    const bool is_out = IsSetAt(is_out_, member.lease);
    const auto steps = static_cast<uint8_t>(is_out ? 0 : LB_RAMP_STEPS - member.withheld);
    members.push_back({member.backend_id, member.weight, member.lease, steps});
  }
  return members;
}

std::vector<uint16_t> EffectiveTables::OwnersOf(const PoolSpec& pool) const {
  if (pool.base == nullptr) return {};
  if (pool.id != 0) return RunningOwners(pool);
  return OverlaidOwners(pool.base->slots(), OverlayMembersOf(pool));
}

// Of a pool that is no longer configured: it runs, or nobody's former pool would be this one.
std::vector<uint16_t> EffectiveTables::RunningOwners(const PoolSpec& pool) const {
  const TablePtr table = RunningTable(pool);
  std::vector<uint16_t> owners;
  for (const lb_slot slot : table->slots()) owners.push_back(lb_slot_backend(slot));
  return owners;
}

absl::StatusOr<Advanced> EffectiveTables::AdvanceMoving() const {
  std::vector<RunningPool> running;
  AdvanceInput input{.has_failed = [this](uint16_t b) { return IsSetAt(is_out_, b); },
                     .evidence = succession_.evidence,
                     .now_ns = succession_.now_ns,
                     .open_at_least_ns = succession_.open_at_least_ns};
  if (succession_.running != nullptr) input.transitions = succession_.running->transitions();
  std::vector<NextPool> next;
  for (size_t i = 0; i < moving_.size(); i++) {
    const PoolSpec& pool = *moving_[i];
    const uint64_t id = IdOf(pool);
    next.push_back({id, owners_[i], pool.idle_s * kSecondNs});
    if (const TablePtr table = RunningTable(pool); table != nullptr) {
      running.push_back({id, table->slots()});
    }
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
  const TablePtr running = RunningTable(pool);
  if (running != nullptr && std::ranges::equal(slots, running->slots())) {
    pool.effective = running;
  } else {
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
