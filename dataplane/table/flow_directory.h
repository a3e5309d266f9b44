// The flow tables of a plane's workers: the files `flows-0`, `flows-1` ... of one directory.
//
// A dataplane takes over what the one before has left, if it was of this boot and its tables had
// this size. Where the number of workers has changed nobody can tell which queue a flow will come
// to: then each worker gets the flows of all, and those that it never meets age away.
#ifndef DATAPLANE_TABLE_FLOW_DIRECTORY_H_
#define DATAPLANE_TABLE_FLOW_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/flow_region.h"

namespace evenkeel {

// Beside the socket of the dataplane, and named after it: where it keeps its tables unless it is
// told otherwise.
std::string DefaultFlowDirectory(const std::string& dataplane_socket);

struct FlowTables {
  std::vector<FlowRegion> regions;  // of the workers, in their order
  std::string note;                 // what was found, for the log
};
// For the dataplane. Makes the directory. `buckets` a worker: a power of two.
absl::StatusOr<FlowTables> TakeFlowTables(const std::string& directory, uint32_t buckets,
                                          uint32_t workers);

// For whoever looks for evidence: all tables of this boot that lie there. A running dataplane goes
// on writing them; one that is replaced is seen by the next call.
absl::StatusOr<std::vector<FlowRegion>> ReadFlowTables(const std::string& directory);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FLOW_DIRECTORY_H_
