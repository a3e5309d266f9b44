// One table in memory: 2^k sealed slots, named by the SHA-256 of their bytes, shared by every
// generation and by both processes. Immutable once made, so any thread may read it; held by
// std::shared_ptr.
//
//   auto table = Table::Create(PureSlots(fill, leases));            // control
//   auto table = Table::Adopt(std::move(fd), digest, slots_log2);   // plane: checks seals, size
//   and digest
#ifndef DATAPLANE_TABLE_TABLE_H_
#define DATAPLANE_TABLE_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/records.h"
#include "dataplane/table/region.h"

namespace evenkeel {

// How many slots a backend index owns.
struct SlotShare {
  uint16_t backend;
  uint32_t slots;
  friend bool operator==(const SlotShare&, const SlotShare&) = default;
};

class Table {
 public:
  // `slots`: a power of two of them, within the limits of records.h.
  static absl::StatusOr<std::shared_ptr<const Table>> Create(std::span<const lb_slot> slots);
  // Refusals: kTableShape, kTableDigest.
  static absl::StatusOr<std::shared_ptr<const Table>> Adopt(UniqueFd fd, const Digest& digest,
                                                            uint32_t slots_log2);

  std::span<const lb_slot> slots() const;
  uint32_t slots_log2() const { return slots_log2_; }
  const Digest& digest() const { return digest_; }
  int fd() const { return fd_.get(); }

  // Facts counted once, when the table was made. Owners by rising index; an index is named if and
  // only if it owns a slot.
  std::span<const SlotShare> shares() const { return shares_; }
  uint16_t transition_max() const { return transition_max_; }

 private:
  Table(UniqueFd fd, MappedRegion region, const Digest& digest, uint32_t slots_log2);
  void CountFacts();

  UniqueFd fd_;
  MappedRegion region_;
  Digest digest_;
  uint32_t slots_log2_;
  std::vector<SlotShare> shares_;
  uint16_t transition_max_ = 0;
};

using TablePtr = std::shared_ptr<const Table>;
// Null when no such table is known.
using TableLookup = std::function<TablePtr(const Digest&)>;

// SHA-256 over the slots as little-endian backend ids. `id_of` maps a backend index to its id, and
// must hold every index that the table names.
Digest IdDigest(const Table& table, const std::function<uint64_t(uint16_t)>& id_of);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_TABLE_H_
