#include "control/overlay/health_book.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {
namespace {

Address AddressOf(const lb_backend& backend) {
  Address address;
  std::memcpy(address.data(), backend.address, sizeof(backend.address));
  return address;
}

}  // namespace

void HealthBook::SetConfig(const Config& config, absl::Time now) {
  std::erase_if(pools_, [&](const auto& known) { return config.FindPool(known.first) == nullptr; });
  for (const Pool& pool : config.pools) {
    std::vector<PoolHealthMember> members;
    for (const Backend& backend : pool.backends) {
      members.push_back({backend.address.bytes(), backend.effective_weight()});
    }
    pools_[pool.name].SetMembers({.checked = pool.health.has_value(),
                                  .hold = pool.hold,
                                  .slow_start = pool.slow_start,
                                  .min_healthy_percent = pool.objectives.min_healthy_percent},
                                 members, now);
  }
  std::erase_if(errors_,
                [&](const auto& known) { return config.FindPool(known.first.first) == nullptr; });
  config_pools_ = config.pools;
  config_services_ = config.services;
  targets_.clear();
  for (HealthTarget& target : HealthTargetsOf(config)) {
    Key key{target.pool, target.address.bytes()};
    targets_.emplace(std::move(key), std::move(target));
  }
}

bool HealthBook::IsOf(const Config& config) const {
  return config_pools_ == config.pools && config_services_ == config.services;
}

void HealthBook::Adopt(const ImageView& image, absl::Time now) {
  for (auto& [name, health] : pools_) {
    const auto pool = std::ranges::find(image.pools(), NameId(name), &lb_pool::id);
    if (pool == image.pools().end()) continue;
    for (const lb_member& member : image.members_of(*pool)) {
      const lb_backend& backend = image.backends()[member.backend];
      if (backend.flags & LB_BACKEND_LEAVING) continue;
      const auto steps = static_cast<uint8_t>(LB_RAMP_STEPS - backend.withheld);
      health.Adopt(AddressOf(backend), static_cast<lb_backend_state>(backend.state), steps, now);
    }
  }
}

void HealthBook::Take(const HealthVerdict& verdict, absl::Time now) {
  const HealthTarget& target = *verdict.target;
  const auto known = targets_.find(Key{target.pool, target.address.bytes()});
  if (known == targets_.end() || !(known->second == target)) return;
  errors_[known->first] = verdict.passing ? "" : verdict.last_error;
  pools_[target.pool].Take(target.address.bytes(),
                           {.passes = verdict.passing, .path_alive = verdict.path_alive}, now);
}

bool HealthBook::Advance(absl::Time now) {
  bool changed = false;
  for (auto& [name, health] : pools_) changed = health.Advance(now) || changed;
  return changed;
}

absl::Time HealthBook::NextChange(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [name, health] : pools_) next = std::min(next, health.NextChange(now));
  return next;
}

BackendStanding HealthBook::Of(absl::string_view pool, const Address& address) const {
  const auto known = pools_.find(pool);
  return known == pools_.end() ? BackendStanding{} : known->second.Of(address);
}

std::string HealthBook::Trouble(absl::string_view pool, const Address& address) const {
  const BackendStanding standing = Of(pool, address);
  if (standing.unchecked)
    return "not checked yet: it gets its slots with the first check it passes";
  if (standing.held_until) {
    return absl::StrCat(
        "passes, but failed often: held back until ",
        absl::FormatTime(absl::RFC3339_sec, *standing.held_until, absl::UTCTimeZone()));
  }
  const auto error = errors_.find(Key{std::string(pool), address});
  return standing.fails && error != errors_.end() ? error->second : "";
}

std::vector<PoolAlarm> HealthBook::Alarms() const {
  std::vector<PoolAlarm> alarms;
  for (const auto& [name, health] : pools_) {
    if (const auto floor = health.alarm()) alarms.push_back({name, *floor});
  }
  return alarms;
}

}  // namespace evenkeel
