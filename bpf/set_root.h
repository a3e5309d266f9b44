// What a set of the maps says of itself: the root that it was filled from, and the first slot row
// of each table. The program does not read it; a restarted evenkeeld and an audit do.
#ifndef BPF_SET_ROOT_H_
#define BPF_SET_ROOT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// Its generation is 0 while the set is empty.
lb_set_header* SetHeader(const LbMaps& maps, uint32_t set);

size_t SetRootBytes(const ImageView& image);
// `rows`: the first row of each table. The set is whole afterwards, whenever this process is
// killed.
void WriteSetRoot(const ImageView& image, const std::vector<uint32_t>& rows, uint32_t set,
                  const LbMaps& maps);

// A copy of what lies there, bounds checked and nothing else.
struct SetRoot {
  uint64_t generation = 0;  // of the header
  AlignedBytes root;
  std::vector<uint32_t> rows;
};
absl::StatusOr<SetRoot> ReadSetRoot(const LbMaps& maps, uint32_t set);

// The image that a set holds, its tables from the slots that packets use, verified.
absl::StatusOr<std::shared_ptr<const ImageView>> ReadBackImage(const LbMaps& maps, uint32_t set);

inline uint32_t RowsOf(uint32_t slots_log2) { return (1u << slots_log2) / LB_SLOTS_PER_ROW; }

}  // namespace evenkeel

#endif  // BPF_SET_ROOT_H_
