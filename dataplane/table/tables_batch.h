// Tables on their way over the channel, as many as fit a message, with their descriptors.
//
//   while (!left.empty()) {
//     TablesBatch batch = TakeBatch(&left);   // batch.message, batch.fds
#ifndef DATAPLANE_TABLE_TABLES_BATCH_H_
#define DATAPLANE_TABLE_TABLES_BATCH_H_

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "dataplane/table/channel.h"
#include "dataplane/table/table.h"

namespace evenkeel {

struct TablesBatch {
  TablesMessage message = MakeMessage<TablesMessage>(0);
  std::vector<int> fds;  // the tables keep them
};

inline TablesBatch TakeBatch(std::span<const TablePtr>* left) {
  TablesBatch batch;
  const std::span<const TablePtr> tables = left->first(std::min(left->size(), kTablesPerMessage));
  *left = left->subspan(tables.size());
  for (const TablePtr& table : tables) {
    TablesMessage::Entry& entry = batch.message.entry[batch.message.count++];
    std::memcpy(entry.digest, table->digest().data(), sizeof(entry.digest));
    entry.slots_log2 = table->slots_log2();
    batch.fds.push_back(table->fd());
  }
  return batch;
}

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_TABLES_BATCH_H_
