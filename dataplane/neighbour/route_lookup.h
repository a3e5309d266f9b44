// Asks the kernel which interface a packet to an address leaves by (rtnetlink(7), RTM_GETROUTE).
#ifndef DATAPLANE_NEIGHBOUR_ROUTE_LOOKUP_H_
#define DATAPLANE_NEIGHBOUR_ROUTE_LOOKUP_H_

#include "absl/status/statusor.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

// Its index. NotFound without a route. One round trip to the kernel.
absl::StatusOr<int> InterfaceTowards(const Address& address);

}  // namespace evenkeel

#endif  // DATAPLANE_NEIGHBOUR_ROUTE_LOOKUP_H_
