// Where the backends of L2 DSR are: the interface that the kernel's route to each leaves by, and
// its MAC from the kernel's neighbour table, followed as it changes.
#ifndef CONTROL_HEALTH_FRAME_HOPS_H_
#define CONTROL_HEALTH_FRAME_HOPS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "control/config/address.h"
#include "dataplane/neighbour/neighbours.h"

namespace evenkeel {

struct FrameHop {
  int interface_index = 0;
  MacAddress mac;
};

class FrameHops {
 public:
  // Replaces the backends that are looked for. `added` is called with each new descriptor to watch.
  void Want(const std::vector<IpAddress>& backends, const std::function<void(int fd)>& added);

  // Nothing while nobody has answered for it.
  std::optional<FrameHop> Find(const IpAddress& backend) const;

  // When a descriptor is readable, and about once a second.
  void HandleReady();
  void Tick(absl::Time now);

 private:
  std::map<int, std::unique_ptr<Neighbours>> interfaces_;
  absl::flat_hash_map<IpAddress, int> interface_of_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_FRAME_HOPS_H_
