#include "control/publish/service_spec.h"

#include <algorithm>

namespace evenkeel {

ServiceSpec CompileService(const Service& service, uint16_t pool) {
  ServiceSpec spec{
      .name = service.name,
      .vip = service.vip.address().bytes(),
      .prefix_length = static_cast<uint8_t>(service.vip.mapped_length()),
      .transport = service.protocol == Protocol::kTcp ? LB_TCP : LB_UDP,
      .any_port = service.ports.any,
      .pool = pool,
      .affinity = service.affinity == Affinity::kClient ? LB_AFFINITY_CLIENT : LB_AFFINITY_FLOW};
  for (const PortRange& range : service.ports.ranges) spec.ports.push_back({range.low, range.high});
  std::sort(spec.ports.begin(), spec.ports.end(),
            [](const PortSpan& a, const PortSpan& b) { return a.low < b.low; });
  return spec;
}

}  // namespace evenkeel
