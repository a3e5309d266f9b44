#include "control/canary/stage.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

const Backend* FindBackend(const Pool& pool, const IpAddress& address) {
  const auto found = std::ranges::find(pool.backends, address, &Backend::address);
  return found == pool.backends.end() ? nullptr : &*found;
}

bool OwnsSlots(const Pool& pool) {
  return std::ranges::any_of(pool.backends,
                             [](const Backend& each) { return each.effective_weight() > 0; });
}

bool SameOwners(const Pool& a, const Pool& b) {
  if (a.table != b.table) return false;
  const auto holds = [](const Pool& all, const Pool& other) {
    return std::ranges::all_of(all.backends, [&](const Backend& backend) {
      if (backend.effective_weight() == 0) return true;
      const Backend* same = FindBackend(other, backend.address);
      return same != nullptr && same->effective_weight() == backend.effective_weight();
    });
  };
  return holds(a, b) && holds(b, a);
}

// Two machines of one name could not be told apart while both serve.
std::optional<std::string> FindMoved(const Pool& before, const Pool& after) {
  for (const Backend& backend : after.backends) {
    const auto same = std::ranges::find(before.backends, backend.name, &Backend::name);
    if (same == before.backends.end() || same->address == backend.address) continue;
    return absl::StrCat(PathOf(after, backend),
                        " gets another address, and would have two while the slice grows: give "
                        "the new machine a name of its own");
  }
  return std::nullopt;
}

std::optional<std::string> WhyNoCanary(const Pool& before, const Pool& after) {
  const auto differs = [&](absl::string_view what) {
    return absl::StrCat(PathOf(after), ".", what,
                        " changes, which concerns every packet of the pool at once");
  };
  if (before.forward != after.forward) return differs("forward");
  if (before.table.slots != after.table.slots) return differs("table.slots");
  if (before.health != after.health) return differs("health");
  if (!OwnsSlots(before) || !OwnsSlots(after)) {
    return absl::StrCat(PathOf(after), " is empty before or after the change");
  }
  return FindMoved(before, after);
}

std::optional<std::string> WhyNoCanary(const std::vector<Service>& before,
                                       const std::vector<Service>& after) {
  for (const Service& service : after) {
    const auto same = std::ranges::find(before, service.name, &Service::name);
    if (same == before.end()) return absl::StrCat(PathOf(service), " is new");
    Service told = service;
    told.tags = same->tags;
    if (told != *same) return absl::StrCat(PathOf(service), " changes");
  }
  for (const Service& service : before) {
    const auto same = std::ranges::find(after, service.name, &Service::name);
    if (same == after.end()) return absl::StrCat(PathOf(service), " goes");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> WhyNoCanary(const Config& before, const Config& after) {
  if (before.network != after.network) return "the network section changes";
  if (auto why = WhyNoCanary(before.services, after.services)) return why;
  bool moves = false;
  for (const Pool& pool : after.pools) {
    const Pool* same = before.FindPool(pool.name);
    if (same == nullptr) return absl::StrCat(PathOf(pool), " is new");
    if (SameOwners(*same, pool) && same->forward == pool.forward && same->health == pool.health) {
      continue;
    }
    if (auto why = WhyNoCanary(*same, pool)) return why;
    moves = true;
  }
  for (const Pool& pool : before.pools) {
    if (after.FindPool(pool.name) == nullptr) return absl::StrCat(PathOf(pool), " goes");
  }
  if (!moves) return "it moves no slot of any pool";
  return std::nullopt;
}

Config StageConfig(const CanaryStage& stage) {
  Config config = stage.before;
  for (Pool& pool : config.pools) {
    const Pool* after = stage.after.FindPool(pool.name);
    if (after == nullptr) continue;
    for (const Backend& backend : after->backends) {
      const auto same = std::ranges::find(pool.backends, backend.address, &Backend::address);
      if (same == pool.backends.end()) {
        pool.backends.push_back(backend);
      } else if (same->effective_weight() == 0) {
        *same = backend;
      }
    }
  }
  return config;
}

}  // namespace evenkeel
