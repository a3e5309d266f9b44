#include "control/publish/table_cache.h"

#include <utility>

#include "dataplane/table/fill.h"

namespace evenkeel {
namespace {

absl::StatusOr<BuiltTablePtr> Build(const TableRequest& request) {
  std::vector<FillBackend> backends;
  std::vector<uint16_t> leases;
  for (const TableMember& member : request.members) {
    backends.push_back({.id = member.backend_id, .weight = member.weight});
    leases.push_back(member.lease);
  }
  absl::StatusOr<Fill> fill = BuildFill(request.fill, backends, request.slots_log2);
  if (!fill.ok()) return fill.status();
  absl::StatusOr<TablePtr> table = Table::Create(PureSlots(*fill, leases));
  if (!table.ok()) return table.status();
  return std::make_shared<const BuiltTable>(
      BuiltTable{.table = *std::move(table),
                 .id_digest = IdDigest(*fill, backends),
                 .slots = CountSlots(*fill, backends.size())});
}

}  // namespace

absl::StatusOr<BuiltTablePtr> TableCache::Get(const TableRequest& request) {
  if (auto found = tables_.find(request); found != tables_.end()) {
    if (BuiltTablePtr table = found->second.lock()) return table;
  }
  std::erase_if(tables_, [](const auto& entry) { return entry.second.expired(); });
  absl::StatusOr<BuiltTablePtr> built = Build(request);
  if (!built.ok()) return built.status();
  ++built_;
  tables_[request] = *built;
  return built;
}

}  // namespace evenkeel
