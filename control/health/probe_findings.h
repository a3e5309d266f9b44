// What a dry run found, as findings about the configuration.
//
//   F14  the check is answered, but not as it wants: a wrong port, path or status, or a service
//   that
//        is not up
//   F40  the backend answers at its own address and not through the tunnel: it does not unwrap
//   F41  it unwraps, and the VIP does not answer: it is not on its loopback
//   F17  nothing answers at all
//
// Where no backend of a pool passes, the finding stands at the check and is an error: the change
// would have no healthy backend. Where some pass, each of the others has a warning at its own
// place: health checks keep traffic from it.
#ifndef CONTROL_HEALTH_PROBE_FINDINGS_H_
#define CONTROL_HEALTH_PROBE_FINDINGS_H_

#include <vector>

#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/health/probe_once.h"

namespace evenkeel {

// `reports` are those of HealthTargetsOf(config), in their order.
std::vector<Finding> ProbeFindings(const Config& config, const std::vector<ProbeReport>& reports);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_PROBE_FINDINGS_H_
