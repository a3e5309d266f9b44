#include "control/rollback/trial_paths.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace evenkeel {
namespace {

constexpr size_t kContrasts = 2;

// What was asked with in vain by others, and often enough.
Health Connection(uint16_t port) {
  Health check;
  check.kind = HealthKind::kTcp;
  check.port = port;
  check.timeout = absl::Seconds(1);
  check.via = HealthVia::kTunnel;
  return check;
}

bool CanBeAsked(const Service& service, const Pool& pool) {
  return service.protocol == Protocol::kTcp && !service.ports.ranges.empty() &&
         pool.forward == Forward::kIpip;
}

const Service* FindService(const Config& config, const Service& wanted) {
  for (const Service& service : config.services) {
    if (service.name == wanted.name) return &service;
  }
  return nullptr;
}

bool Serves(const Pool& pool, const IpAddress& address) {
  return std::any_of(pool.backends.begin(), pool.backends.end(), [&](const Backend& backend) {
    return backend.address == address && backend.effective_weight() > 0;
  });
}

bool SameWayOut(const Network& a, const Network& b) {
  return a.encap_source == b.encap_source && a.gateway == b.gateway &&
         a.gateway_mac == b.gateway_mac && a.mtu == b.mtu && a.vlan == b.vlan;
}

bool IsChanged(const Config& base, const Config& trial, const Service& service, const Pool& pool,
               const IpAddress& address) {
  const Service* before = FindService(base, service);
  if (before == nullptr || before->vip != service.vip || before->ports != service.ports ||
      before->protocol != service.protocol) {
    return true;
  }
  const Pool* pool_before = base.FindPool(before->pool);
  return pool_before == nullptr || pool_before->forward != pool.forward ||
         !Serves(*pool_before, address) || !SameWayOut(base.network, trial.network);
}

std::vector<TrialPath> AllPaths(const Config& base, const Config& trial) {
  std::vector<TrialPath> paths;
  for (const Service& service : trial.services) {
    const Pool* pool = trial.FindPool(service.pool);
    if (pool == nullptr || !CanBeAsked(service, *pool)) continue;
    for (const Backend& backend : pool->backends) {
      if (backend.effective_weight() == 0) continue;
      paths.push_back({.service = service.name,
                       .target = {.pool = pool->name,
                                  .backend = backend.name,
                                  .address = backend.address,
                                  .forward = pool->forward,
                                  .vips = {service.vip.address()},
                                  .check = Connection(service.ports.ranges.front().low)},
                       .is_changed = IsChanged(base, trial, service, *pool, backend.address),
                       .contrasts = {}});
    }
  }
  return paths;
}

// How good a contrast `other` is to `path`; 0: none.
int Likeness(const TrialPath& path, const TrialPath& other) {
  if (other.is_changed || other.target.address.family() != path.target.address.family()) return 0;
  if (other.service == path.service) return 3;
  return other.target.pool == path.target.pool ? 2 : 1;
}

}  // namespace

std::vector<TrialPath> PathsOf(const Config& base, const Config& trial) {
  const std::vector<TrialPath> all = AllPaths(base, trial);
  std::vector<TrialPath> paths;
  for (const TrialPath& path : all) {
    if (path.is_changed && paths.size() < kChangedPathsMax) paths.push_back(path);
  }
  std::vector<std::pair<size_t, size_t>> places;  // in `all`, in `paths`
  const size_t changed = paths.size();
  for (size_t i = 0; i < changed; ++i) {
    std::vector<std::pair<int, size_t>> ranked;
    for (size_t other = 0; other < all.size(); ++other) {
      if (const int likeness = Likeness(paths[i], all[other]); likeness > 0) {
        ranked.emplace_back(-likeness, other);
      }
    }
    std::sort(ranked.begin(), ranked.end());
    ranked.resize(std::min(ranked.size(), kContrasts));
    for (const auto& [rank, other] : ranked) {
      const auto known = std::find_if(places.begin(), places.end(),
                                      [&](const auto& place) { return place.first == other; });
      if (known == places.end()) {
        places.emplace_back(other, paths.size());
        paths.push_back(all[other]);
        paths[i].contrasts.push_back(places.back().second);
      } else {
        paths[i].contrasts.push_back(known->second);
      }
    }
  }
  return paths;
}

}  // namespace evenkeel
