#include "control/transition/tail_evidence.h"

#include <algorithm>

namespace evenkeel {

void TailEvidence::Add(const TailEntry& entry) {
  entries_++;
  if (by_backend_.size() <= entry.backend) by_backend_.resize(entry.backend + size_t{1});
  by_backend_[entry.backend]++;

  PoolFlows& pool = pools_[entry.pool];
  if (!entry.slot) {
    pool.has_slotless = true;
  } else if (!entry.is_current) {
    if (pool.held.size() <= *entry.slot) {
      pool.held.resize(std::max(pool.held.size() * 2, size_t{*entry.slot} + 1));
    }
    pool.held[*entry.slot] = true;
  }
}

bool TailEvidence::IsSlotClear(uint64_t pool, uint32_t slot) const {
  const auto flows = pools_.find(pool);
  if (flows == pools_.end()) return true;
  const std::vector<bool>& held = flows->second.held;
  return !flows->second.has_slotless && (slot >= held.size() || !held[slot]);
}

bool TailEvidence::IsPoolClear(uint64_t pool) const {
  const auto flows = pools_.find(pool);
  return flows == pools_.end() || (!flows->second.has_slotless && flows->second.held.empty());
}

uint64_t TailEvidence::EntriesOf(uint16_t backend) const {
  return backend < by_backend_.size() ? by_backend_[backend] : 0;
}

}  // namespace evenkeel
