// The MTU of a kernel interface, for ports that sit on one: DPDK does not report it.
#ifndef DATAPLANE_PORT_INTERFACE_MTU_H_
#define DATAPLANE_PORT_INTERFACE_MTU_H_

#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

// Bytes of the largest IP packet.
absl::StatusOr<int> InterfaceMtu(unsigned interface_index);

// "eth0", or "interface 7" when it has gone.
std::string InterfaceName(unsigned interface_index);

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_INTERFACE_MTU_H_
