// Rules and routes by mark, asked of the kernel (rtnetlink(7)). Each call is one round trip.
#ifndef CONTROL_HEALTH_POLICY_ROUTE_H_
#define CONTROL_HEALTH_POLICY_ROUTE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "control/config/address.h"

namespace evenkeel {

// `ip rule add fwmark MARK lookup TABLE priority PRIORITY`. AlreadyExists: it is there.
absl::Status AddMarkRule(Family family, uint32_t mark, uint32_t table, uint32_t priority);
absl::Status RemoveMarkRule(Family family, uint32_t mark, uint32_t table, uint32_t priority);

// `ip route replace default dev INTERFACE table TABLE`
absl::Status SetDefaultRoute(Family family, int interface_index, uint32_t table);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_POLICY_ROUTE_H_
