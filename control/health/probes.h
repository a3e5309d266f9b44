// The probes for each kind of check.
#ifndef CONTROL_HEALTH_PROBES_H_
#define CONTROL_HEALTH_PROBES_H_

#include <memory>

#include "control/health/probe.h"
#include "control/health/target.h"
#include "control/health/tls.h"
#include "control/health/way.h"

namespace evenkeel {

// `way`, `target` and `tls` outlive the probe.
std::unique_ptr<Probe> MakeProbe(const HealthTarget& target, Way& way, TlsContext& tls);

// Connects, and that is all.
std::unique_ptr<Probe> MakeTcpProbe(Way& way, uint16_t port);
std::unique_ptr<Probe> MakeEchoProbe(Way& way);
// Passes on the status that the check wants, at the end of the header.
std::unique_ptr<Probe> MakeHttpProbe(Way& way, const HealthTarget& target, TlsContext& tls);
// Passes on a datagram that contains what the check expects.
std::unique_ptr<Probe> MakeUdpProbe(Way& way, const Health& check);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_PROBES_H_
