#include "control/health/probes.h"

namespace evenkeel {

std::unique_ptr<Probe> MakeProbe(const HealthTarget& target, Way& way, TlsContext& tls) {
  switch (target.check.kind) {
    case HealthKind::kTcp:
      return MakeTcpProbe(way, static_cast<uint16_t>(target.check.port));
    case HealthKind::kHttp:
    case HealthKind::kHttps:
      return MakeHttpProbe(way, target, tls);
    case HealthKind::kUdp:
      return MakeUdpProbe(way, target.check);
    case HealthKind::kIcmp:
      break;
  }
  return MakeEchoProbe(way);
}

}  // namespace evenkeel
