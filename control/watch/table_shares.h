// The share of new flows that each backend of a service gets by an image's tables in use: overlay
// and drains included, which the configuration's shares are not.
#ifndef CONTROL_WATCH_TABLE_SHARES_H_
#define CONTROL_WATCH_TABLE_SHARES_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// (backend id, share), by rising id; shares add up to 1, and each is above 0. Empty: nobody has
// slots.
using ShareRow = std::vector<std::pair<uint64_t, double>>;

// By service id; services of one table have one row.
using TableShares = absl::flat_hash_map<uint64_t, std::shared_ptr<const ShareRow>>;

TableShares SharesOf(const ImageView& image);

// 0: it has none.
double ShareIn(const ShareRow& row, uint64_t backend);

}  // namespace evenkeel

#endif  // CONTROL_WATCH_TABLE_SHARES_H_
