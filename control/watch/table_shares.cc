#include "control/watch/table_shares.h"

#include <algorithm>

namespace evenkeel {

TableShares SharesOf(const ImageView& image) {
  std::vector<std::shared_ptr<const ShareRow>> rows;
  for (const TablePtr& table : image.tables()) {
    auto row = std::make_shared<ShareRow>();
    const double slots = static_cast<double>(uint64_t{1} << table->slots_log2());
    for (const SlotShare& share : table->shares()) {
      row->emplace_back(image.backends()[share.backend].id, share.slots / slots);
    }
    std::sort(row->begin(), row->end());
    rows.push_back(std::move(row));
  }
  const auto nobody = std::make_shared<const ShareRow>();
  TableShares shares;
  // New flows go by the record that is matched, which comes before its former one.
  for (const lb_service& service : image.services()) {
    shares.try_emplace(service.id, service.table == LB_TABLE_NONE ? nobody : rows[service.table]);
  }
  return shares;
}

double ShareIn(const ShareRow& row, uint64_t backend) {
  const auto found = std::lower_bound(row.begin(), row.end(), std::pair(backend, -1.0));
  return found == row.end() || found->first != backend ? 0 : found->second;
}

}  // namespace evenkeel
