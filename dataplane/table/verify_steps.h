// The steps of ImageView::Verify(), in the order in which they must run: each relies on those
// before it. Every error carries a NackCode.
#ifndef DATAPLANE_TABLE_VERIFY_STEPS_H_
#define DATAPLANE_TABLE_VERIFY_STEPS_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// Header, checksum, and that every section lies inside the root and on its own. Trusts nothing.
absl::Status VerifyFrame(std::span<const std::byte> root);

// Params, pools, members, backends, next hops, transitions, services: every field and index.
// `known` holds backends whose ids were hashed before.
absl::Status VerifyRecords(const ImageView& image, std::span<const lb_backend> known);

// Which services are records that another names as its former one, by index.
std::vector<bool> FormerServices(const ImageView& image);

// VIPs, hash rows, port ranges: that matching finds exactly what the services say.
absl::Status VerifyMatch(const ImageView& image);

// Tables against references, pools, members' quotas and id digests. image.tables() holds what was
// found.
absl::Status VerifyTables(const ImageView& image, VerifyCache& cache);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_VERIFY_STEPS_H_
