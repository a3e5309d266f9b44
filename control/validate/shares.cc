#include "control/validate/shares.h"

#include <bit>
#include <cmath>

#include "dataplane/table/digest.h"
#include "dataplane/table/fill.h"
#include "dataplane/table/fill_exact.h"

namespace evenkeel {
namespace {

// Slots by position in `wanted`, as the pool's fill deals them out.
std::vector<uint32_t> DealSlots(FillKind fill, const std::vector<FillBackend>& wanted,
                                uint32_t slots) {
  // The exact fill gives each backend its quota by construction; the other has to be built and
  // counted.
  if (fill == FillKind::kExact) return Quotas(wanted, slots);
  const absl::StatusOr<Fill> built =
      BuildFill(LB_FILL_MAGLEV, wanted, static_cast<uint32_t>(std::countr_zero(slots)));
  return built.ok() ? CountSlots(*built, wanted.size()) : std::vector<uint32_t>();
}

}  // namespace

bool IsValidSlotCount(uint32_t slots) {
  return std::has_single_bit(slots) && slots >= 1u << LB_SLOTS_LOG2_MIN &&
         slots <= 1u << LB_SLOTS_LOG2_MAX;
}

std::optional<PoolShares> ComputeShares(const Pool& pool) {
  if (!IsValidSlotCount(pool.table.slots)) return std::nullopt;
  std::vector<FillBackend> wanted;
  std::vector<size_t> position;  // of wanted[i] in pool.backends
  uint64_t weight_total = 0;
  for (size_t i = 0; i < pool.backends.size(); ++i) {
    const Backend& backend = pool.backends[i];
    if (backend.effective_weight() == 0) continue;
    wanted.push_back({BackendId(backend.address.bytes()), backend.effective_weight()});
    position.push_back(i);
    weight_total += backend.effective_weight();
  }
  const auto slots_log2 = static_cast<uint32_t>(std::countr_zero(pool.table.slots));
  if (!CheckFillInput(wanted, slots_log2).ok()) return std::nullopt;
  const std::vector<uint32_t> dealt = DealSlots(pool.table.fill, wanted, pool.table.slots);
  if (dealt.size() != wanted.size()) return std::nullopt;

  PoolShares shares;
  shares.slots.resize(pool.backends.size());
  shares.lightest_backend = position[0];
  for (size_t i = 0; i < wanted.size(); ++i) {
    shares.slots[position[i]] = dealt[i];
    const double asked = static_cast<double>(pool.table.slots) * wanted[i].weight / weight_total;
    const double error = std::abs(dealt[i] - asked) / asked;
    if (error > shares.worst_error) {
      shares.worst_error = error;
      shares.worst_backend = position[i];
    }
    if (dealt[i] < shares.slots[shares.lightest_backend]) shares.lightest_backend = position[i];
  }
  return shares;
}

}  // namespace evenkeel
