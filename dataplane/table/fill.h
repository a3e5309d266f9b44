// What every way to fill a table shares: its input, its limits and its result.
// Called by control (compile) and by tests; pure functions, any thread.
#ifndef DATAPLANE_TABLE_FILL_H_
#define DATAPLANE_TABLE_FILL_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/records.h"

namespace evenkeel {

inline constexpr uint64_t kFillSeed =
    0x6576656e6b65656cull;  // a constant of the product, "evenkeel"
inline constexpr uint32_t kWeightMax = 1u << 20;

struct FillBackend {
  uint64_t id;      // BackendId() of its address, unique in a pool
  uint32_t weight;  // 1..kWeightMax: a drained backend is not an input of a fill
};

// Slot -> position in the `backends` that were given, whatever their order. Every slot has an
// owner.
using Fill = std::vector<uint32_t>;

// InvalidArgument for no backends, a weight or table size out of range, or two backends with one
// id.
absl::Status CheckFillInput(std::span<const FillBackend> backends, uint32_t slots_log2);

// Positions in `backends` by rising id: fills work in this order, so that they do not depend on the
// caller's.
std::vector<uint32_t> OrderById(std::span<const FillBackend> backends);

// Keyed hash of the fills and of the tie-breaks (the finaliser of MurmurHash3).
constexpr uint64_t MixId(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ull;
  return x ^ (x >> 33);
}

// Dispatches on `fill`.
absl::StatusOr<Fill> BuildFill(lb_fill fill, std::span<const FillBackend> backends,
                               uint32_t slots_log2);

// Slots that each backend owns, in the order of the input.
std::vector<uint32_t> CountSlots(const Fill& fill, size_t backend_count);

// SHA-256 over the slots as little-endian 64-bit backend ids: the digest of INTERFACE, equal on
// every node.
Digest IdDigest(const Fill& fill, std::span<const FillBackend> backends);

// The slots of a pure table (no transitions): `leases[i]` is the node-wide index of backend i.
std::vector<lb_slot> PureSlots(const Fill& fill, std::span<const uint16_t> leases);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FILL_H_
