// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// What a set of the maps holds after somebody else has written to the slots in use: its image as it
// lies there, so that a restarted evenkeeld knows what packets go by, and can publish what they
// should go by.
#ifndef BPF_SALVAGE_H_
#define BPF_SALVAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

struct Salvaged {
  // Its tables, their digests and quotas are those that were found; a slot that named what the
  // image does not have is the first owner's.
  std::shared_ptr<const ImageView> image;
  std::vector<std::string> faults;  // a sentence for each table that is not what was published
};

// For what ReadBackImage() refuses. DataLoss: the root itself is damaged, or packets take slots
// from elsewhere than it says.
absl::StatusOr<Salvaged> SalvageImage(const LbMaps& maps, uint32_t set);

}  // namespace evenkeel

#endif  // BPF_SALVAGE_H_
