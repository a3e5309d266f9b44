// Which of EAL's ports the plane drives. Called once by main, after EAL has started.
#ifndef DATAPLANE_PORT_FIND_PORT_H_
#define DATAPLANE_PORT_FIND_PORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

struct FoundPort {
  uint16_t id = 0;
  std::string name;         // as DPDK names it: "net_af_packet0", "0000:00:03.0"
  std::string driver;       // "net_af_packet", "net_virtio"
  bool is_virtual = false;  // made by --vdev
  unsigned interface_index =
      0;  // of the kernel interface that it is bound to; 0 for a device of its own

  // The kernel gets its own copy of every frame that the port receives.
  bool kernel_sees_frames() const {
    return driver == "net_af_packet" || (driver == "net_pcap" && interface_index != 0);
  }
};

// Empty `name`: the only port there is. NotFound names what there is instead.
absl::StatusOr<FoundPort> FindPort(const std::string& name);

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_FIND_PORT_H_
