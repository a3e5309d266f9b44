// The exact fill: each backend owns exactly its quota of slots, whatever the order, the history or
// a common factor of the weights; a change moves little beyond what it must.
//
// Every backend proposes slots along its own keyed permutation. Proposal r of a backend with weight
// w bids the r-th of `slots` evenly spaced quantiles of an exponential race, L[r] / w; a slot takes
// its lowest bid, and who is pushed out proposes on (deferred acceptance, Gale and Shapley 1962).
// The outcome of deferred acceptance does not depend on the order of proposals. Integers only: the
// same table on every machine. Golden digests: tests/dataplane/table/fill_exact_test.cc.
#ifndef DATAPLANE_TABLE_FILL_EXACT_H_
#define DATAPLANE_TABLE_FILL_EXACT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/fill.h"

namespace evenkeel {

// Slots that each backend shall own: largest remainder (Hamilton); ties by mixed id. Sums to
// `slot_count`. A backend can come out with 0 when there are more backends than slots. Input as for
// CheckFillInput().
std::vector<uint32_t> Quotas(std::span<const FillBackend> backends, uint32_t slot_count);

absl::StatusOr<Fill> FillExact(std::span<const FillBackend> backends, uint32_t slots_log2);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FILL_EXACT_H_
