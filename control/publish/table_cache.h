// Tables of pools, built once: a pool whose members, weights, size and fill have not changed keeps
// its table, so that it is neither built nor sent again.
//
// Remembers what somebody still holds, no more: entries end with their last BuiltTablePtr. One
// thread.
//
//   absl::StatusOr<BuiltTablePtr> table = cache.Get({.fill = LB_FILL_EXACT, .slots_log2 = 16,
//   .members = ...});
#ifndef CONTROL_PUBLISH_TABLE_CACHE_H_
#define CONTROL_PUBLISH_TABLE_CACHE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/records.h"
#include "dataplane/table/table.h"

namespace evenkeel {

// A backend that owns slots.
struct TableMember {
  uint64_t backend_id = 0;
  uint32_t weight = 0;  // at least 1
  uint16_t lease = 0;

  auto operator<=>(const TableMember&) const = default;
};

struct TableRequest {
  lb_fill fill = LB_FILL_EXACT;
  uint8_t slots_log2 = 16;
  std::vector<TableMember> members;  // not empty; their order makes no difference to the table

  auto operator<=>(const TableRequest&) const = default;
};

struct BuiltTable {
  TablePtr table;
  Digest id_digest{};           // over backend ids: the digest of the public interface
  std::vector<uint32_t> slots;  // that each member of the request owns
};
using BuiltTablePtr = std::shared_ptr<const BuiltTable>;

class TableCache {
 public:
  absl::StatusOr<BuiltTablePtr> Get(const TableRequest& request);

  // Of tables that were built and not found, for tests.
  uint64_t built() const { return built_; }

 private:
  std::map<TableRequest, std::weak_ptr<const BuiltTable>> tables_;
  uint64_t built_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_TABLE_CACHE_H_
