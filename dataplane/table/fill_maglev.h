// Classic Maglev (Eisenbud et al., NSDI '16, section 3.4) with weights, on 2^k slots.
//
// The paper's table has a prime number of slots, so that offset and skip make a permutation. Here
// the prime is the largest below 2^k: slots 0..p-1 are filled as in the paper; the few that remain
// (at most 19 for k = 12..20) go, in rising order, to the backends whose turns come next. Weights
// set how often a turn comes: each round adds a backend's weight to its credit, and the credit of
// one heaviest weight buys one slot. Rounds go by rising id, so neither order nor history nor a
// common factor matters.
#ifndef DATAPLANE_TABLE_FILL_MAGLEV_H_
#define DATAPLANE_TABLE_FILL_MAGLEV_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "dataplane/table/fill.h"

namespace evenkeel {

// InvalidArgument also when a backend would come out without a slot (too many backends, or too
// light).
absl::StatusOr<Fill> FillMaglev(std::span<const FillBackend> backends, uint32_t slots_log2);

// Largest prime below 2^slots_log2, for LB_SLOTS_LOG2_MIN..LB_SLOTS_LOG2_MAX.
uint32_t MaglevPrime(uint32_t slots_log2);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FILL_MAGLEV_H_
