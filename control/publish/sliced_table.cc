#include "control/publish/sliced_table.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "control/canary/slice.h"

namespace evenkeel {
namespace {

absl::StatusOr<BuiltTablePtr> WholeTable(const Pool& pool, const LeaseTable& leases,
                                         TableCache* cache,
                                         absl::flat_hash_map<uint16_t, uint64_t>* ids) {
  TableRequest request{
      .fill = pool.table.fill == FillKind::kMaglev ? LB_FILL_MAGLEV : LB_FILL_EXACT,
      .slots_log2 = static_cast<uint8_t>(std::countr_zero(pool.table.slots)),
      .members = {}};
  for (const Backend& backend : pool.backends) {
    if (backend.effective_weight() == 0) continue;
    const Lease* lease = leases.Find(NameId(pool.name), backend.address.bytes());
    if (lease == nullptr) {
      return absl::InternalError(absl::StrCat(PathOf(pool, backend), " has no index"));
    }
    request.members.push_back({lease->backend_id, backend.effective_weight(), lease->index});
    (*ids)[lease->index] = lease->backend_id;
  }
  std::sort(request.members.begin(), request.members.end());
  return cache->Get(request);
}

}  // namespace

absl::StatusOr<BuiltTablePtr> SlicedTable(const Pool& before, const Pool& after, int percent,
                                          const LeaseTable& leases, TableCache* cache) {
  absl::flat_hash_map<uint16_t, uint64_t> ids;
  absl::StatusOr<BuiltTablePtr> former = WholeTable(before, leases, cache, &ids);
  if (!former.ok()) return former.status();
  absl::StatusOr<BuiltTablePtr> next = WholeTable(after, leases, cache, &ids);
  if (!next.ok()) return next.status();
  if ((*former)->table->digest() == (*next)->table->digest()) return former;

  const Table& whole = *(*former)->table;
  std::vector<lb_slot> slots(whole.slots().begin(), whole.slots().end());
  for (uint32_t slot = 0; slot < slots.size(); ++slot) {
    if (IsInSlice(slot, static_cast<int>(whole.slots_log2()), percent)) {
      slots[slot] = (*next)->table->slots()[slot];
    }
  }
  absl::StatusOr<TablePtr> table = Table::Create(slots);
  if (!table.ok()) return table.status();
  BuiltTable sliced{.table = *std::move(table), .id_digest = {}, .slots = {}};
  sliced.id_digest = IdDigest(*sliced.table, [&](uint16_t backend) { return ids[backend]; });
  for (const SlotShare& share : sliced.table->shares()) sliced.slots.push_back(share.slots);
  return std::make_shared<const BuiltTable>(std::move(sliced));
}

}  // namespace evenkeel
