// The site that benchmarks forward for: made-up services, as an image that a plane takes.
//
//   VIP and port         pool   backends     tunnel
//   203.0.113.10:80 TCP  bench  10.0.1.1 ff  IPIP
//   203.0.113.10:53 UDP  bench
//   203.0.113.10:81 TCP  l2     10.0.1.1 ff  none (L2 DSR)
//   fd00::113:a:80 TCP   v6     fd00::1:1 ff 6in6
//   198.18.0.0:80 ff     m0 ff  10.0.1.1 ff  IPIP; a pool of 60 for each of `many` services
#ifndef TOOLS_PKTGEN_SITE_H_
#define TOOLS_PKTGEN_SITE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "dataplane/table/image_builder.h"

namespace evenkeel::pktgen {

inline constexpr uint16_t kManyMax = 1000;

// fd00::GROUP:NUMBER: group 1 has backends, 0x113 VIPs.
Address SiteIpv6(uint16_t group, uint16_t number);

// `backends` of 1 to 1000 in each pool but the many.
absl::StatusOr<ImageSpec> MakeSite(uint64_t generation, uint16_t backends, uint16_t many);

}  // namespace evenkeel::pktgen

#endif  // TOOLS_PKTGEN_SITE_H_
