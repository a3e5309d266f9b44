// The share of the slots that each backend of a pool really gets, against the share that its weight
// asks for: the comparison whose absence started it all.
#ifndef CONTROL_VALIDATE_SHARES_H_
#define CONTROL_VALIDATE_SHARES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "control/config/config.h"

namespace evenkeel {

bool IsValidSlotCount(uint32_t slots);  // a power of two within the limits of a table

struct PoolShares {
  // By position in Pool::backends; 0 for those that drain.
  std::vector<uint32_t> slots;
  // The backend whose share is furthest from what it asked for, and by which fraction of that.
  size_t worst_backend = 0;
  double worst_error = 0;
  // Among the backends with a weight, the one with the fewest slots.
  size_t lightest_backend = 0;
};

// Nothing where no table can be built: a slot count out of range, no backend with a weight, two
// backends with one address (each of which is a finding of its own).
std::optional<PoolShares> ComputeShares(const Pool& pool);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_SHARES_H_
