// What the watch is fed with: one second of a node.
#ifndef CONTROL_WATCH_WATCH_SECOND_H_
#define CONTROL_WATCH_WATCH_SECOND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace evenkeel {

struct WatchedMember {
  uint64_t id = 0;   // of the backend
  std::string name;  // "POOL/BACKEND"
};

struct WatchedService {
  uint64_t id = 0;
  std::string name;
  bool is_udp = false;
  bool by_client = false;   // affinity: a client's flows stay together
  bool is_checked = false;  // its pool has health checks
  std::vector<WatchedMember> members;
};

// The services of a revision. Immutable.
struct WatchedNode {
  std::vector<WatchedService> services;

  size_t members() const {
    size_t sum = 0;
    for (const WatchedService& service : services) sum += service.members.size();
    return sum;
  }
};

struct MemberCount {
  uint64_t id = 0;
  uint64_t new_flows = 0;
  uint64_t packets = 0;
};

struct ServiceSecond {
  const WatchedService* service = nullptr;  // of WatchSecond::node
  std::vector<MemberCount> counts;          // the service's members, then who else had a share
  // Shares, in the order of `counts`, by each table that may have decided.
  std::vector<std::vector<double>> tables;
};

struct WorkerCounts {
  std::vector<uint64_t> ids;
  std::vector<uint64_t> new_flows;
};

struct WatchSecond {
  absl::Time at;  // its end
  std::shared_ptr<const WatchedNode> node;
  std::vector<ServiceSecond> services;
  WorkerCounts workers;  // empty: they are not to be compared
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_WATCH_SECOND_H_
