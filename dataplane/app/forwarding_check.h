// Whether the kernel would route packets of an interface by itself. Where it sees the same frames
// as the plane (net_af_packet), it would send on a second copy of every packet to a VIP.
#ifndef DATAPLANE_APP_FORWARDING_CHECK_H_
#define DATAPLANE_APP_FORWARDING_CHECK_H_

#include <string>
#include <vector>

namespace evenkeel {

// A sentence for each family whose forwarding is on for `interface`.
std::vector<std::string> KernelForwardingWarnings(const std::string& interface);

}  // namespace evenkeel

#endif  // DATAPLANE_APP_FORWARDING_CHECK_H_
