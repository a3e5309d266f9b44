// The base table of a pool while a canary has a slice of it: the candidate's owners in the slots of
// the slice, the former ones in all others. Its quotas are counted, so that the planes verify it
// and readers tell shares as with any other table.
//
// Pure, but for the cache.
#ifndef CONTROL_PUBLISH_SLICED_TABLE_H_
#define CONTROL_PUBLISH_SLICED_TABLE_H_

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/publish/table_cache.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

// `before` and `after` have as many slots, and owners; `leases` holds every backend of both.
// Of the former table itself where the two agree.
absl::StatusOr<BuiltTablePtr> SlicedTable(const Pool& before, const Pool& after, int percent,
                                          const LeaseTable& leases, TableCache* cache);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_SLICED_TABLE_H_
