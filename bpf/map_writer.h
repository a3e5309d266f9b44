// Publishes images into the maps of an instance: everything that swaps, swaps by one word.
//
// LB_SETS generations lie in the maps at a time. A publication takes the set that was retired
// longest ago, waits until no packet can still use it, adds what it has counted to the totals,
// fills it, and flips the root word. Nothing of a set changes while packets use it, but for the
// MACs of its next hops, which are single words.
//
// Killed at any instruction, it leaves maps that Open() can take over: a set is marked empty before
// it is written and gets its generation when all of it is there.
//
// One thread at a time. Memory order: the stores are plain, and the kernel's program reads them
// after it has read the root word, which is stored with release.
//
//   absl::StatusOr<std::unique_ptr<MapWriter>> writer = MapWriter::Open(instance->maps(), &totals);
//   if (!writer->Fits(*image)) ... a larger instance ...
//   writer->Publish(image, next_hop_word);
#ifndef BPF_MAP_WRITER_H_
#define BPF_MAP_WRITER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "bpf/set_writer.h"
#include "bpf/slot_arena.h"
#include "bpf/totals.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// The word of a next hop as the program reads it; 0 while unknown.
using NextHopWord = std::function<uint64_t(const Address&)>;

class MapWriter {
 public:
  // Reads back what the maps hold: every set's image from its root and slots in use, verified. A
  // set that cannot be verified is an error if it is the one in use, else it counts as empty.
  // `maps` and `totals` outlive the writer.
  static absl::StatusOr<std::unique_ptr<MapWriter>> Open(const LbMaps& maps, Totals* totals);

  // Sizes with room for `image` and for growth.
  static lb_map_sizes SizesFor(const ImageView& image);
  bool Fits(const ImageView& image) const;

  // ResourceExhausted: it does not fit. Nothing has changed then.
  absl::Status Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word);

  // Null before the first publication.
  const std::shared_ptr<const ImageView>& current() const;
  void SetNextHop(const Address& address, uint64_t word);

  // Adds what sets have counted that is not in the totals yet.
  void AddCounts(FlowSums* sums) const;
  // For an instance that no packet uses any more: all counts go to the totals.
  absl::Status FoldAll();

 private:
  struct Set {
    std::shared_ptr<const ImageView> image;  // null: empty
    uint64_t retired_at = 0;                 // value of waits_ when it was; meaningful if retired
  };

  MapWriter(const LbMaps& maps, Totals* totals)
      : maps_(maps), totals_(totals), arena_(maps.sizes.slot_rows) {}

  absl::StatusOr<std::shared_ptr<const ImageView>> ReadBack(uint32_t set);
  bool HoldTables(const ImageView& image, uint32_t set);
  void DropTables(const ImageView& image);

  uint32_t NextSet() const;
  absl::Status Retire(uint32_t set);
  absl::Status Fold(uint32_t set);
  FlowSum Count(uint32_t set, uint32_t counter) const;
  absl::Status PlaceTables(const ImageView& image, std::vector<uint32_t>* rows);
  void WriteRoot(const ImageView& image, const std::vector<uint32_t>& rows, uint32_t set);

  lb_set_header* header(uint32_t set) const;
  std::span<std::byte> root_area(uint32_t set) const;
  std::span<uint64_t> next_hops(uint32_t set) const;

  const LbMaps& maps_;
  Totals* const totals_;
  SlotArena arena_;
  std::array<Set, LB_SETS> sets_;
  int current_ = -1;
  uint64_t waits_ = 0;  // grace periods that have passed
};

}  // namespace evenkeel

#endif  // BPF_MAP_WRITER_H_
