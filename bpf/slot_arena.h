// Which slot rows of the XDP maps hold which table. A table of 2^k slots is a run of rows; it lies
// there once, however many sets name it, and its rows are free again when the last one has let go.
//
// Pure bookkeeping: whoever calls Take() writes the slots, and calls Release() only when no packet
// can still read them. One thread.
//
//   std::optional<SlotArena::Place> place = arena.Take(table->digest(), rows);
//   if (place->is_new) copy the slots to row place->first;
#ifndef BPF_SLOT_ARENA_H_
#define BPF_SLOT_ARENA_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

class SlotArena {
 public:
  explicit SlotArena(uint32_t rows) { free_[0] = rows; }

  struct Place {
    uint32_t first;
    bool is_new;
  };
  // Nothing where no run of free rows is long enough.
  std::optional<Place> Take(const Digest& digest, uint32_t rows);
  // The same at a known place: what a restarted control finds. False if those rows are taken.
  bool TakeAt(const Digest& digest, uint32_t first, uint32_t rows);
  void Release(const Digest& digest);

  bool Has(const Digest& digest) const { return tables_.contains(digest); }

 private:
  struct Held {
    uint32_t first;
    uint32_t rows;
    uint32_t users;
  };
  void Carve(std::map<uint32_t, uint32_t>::iterator run, uint32_t first, uint32_t rows);

  std::map<uint32_t, uint32_t> free_;  // first row -> rows, disjoint and never adjacent
  absl::flat_hash_map<Digest, Held> tables_;
};

}  // namespace evenkeel

#endif  // BPF_SLOT_ARENA_H_
