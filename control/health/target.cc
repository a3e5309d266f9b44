#include "control/health/target.h"

#include <algorithm>

namespace evenkeel {
namespace {

bool Serves(const Service& service, uint32_t port) {
  return service.ports.any ||
         std::any_of(service.ports.ranges.begin(), service.ports.ranges.end(),
                     [port](const PortRange& r) { return r.low <= port && port <= r.high; });
}

std::vector<IpAddress> VipsOf(const Config& config, const Pool& pool) {
  const bool has_port = pool.health->kind != HealthKind::kIcmp;
  std::vector<IpAddress> all, serving;
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    all.push_back(service.vip.address());
    if (has_port && Serves(service, pool.health->port)) serving.push_back(all.back());
  }
  std::vector<IpAddress>& vips = serving.empty() ? all : serving;
  std::sort(vips.begin(), vips.end());
  vips.erase(std::unique(vips.begin(), vips.end()), vips.end());
  return std::move(vips);
}

uint16_t PathPortOf(const Config& config, const Pool& pool) {
  if (pool.health->kind != HealthKind::kIcmp) return static_cast<uint16_t>(pool.health->port);
  uint16_t port = 0;
  for (const Service& service : config.services) {
    if (service.pool != pool.name || service.protocol != Protocol::kTcp) continue;
    for (const PortRange& range : service.ports.ranges) {
      if (port == 0 || range.low < port) port = range.low;
    }
  }
  return port;
}

}  // namespace

std::vector<HealthTarget> HealthTargetsOf(const Config& config) {
  std::vector<HealthTarget> targets;
  for (const Pool& pool : config.pools) {
    if (!pool.health) continue;
    HealthTarget target{.pool = pool.name,
                        .forward = pool.forward,
                        .vips = VipsOf(config, pool),
                        .check = *pool.health,
                        .path_port = PathPortOf(config, pool)};
    for (const Backend& backend : pool.backends) {
      target.backend = backend.name;
      target.address = backend.address;
      targets.push_back(target);
    }
  }
  return targets;
}

}  // namespace evenkeel
