#include "control/change/drains.h"

namespace evenkeel {
namespace {

Backend* FindBackend(Config& config, absl::string_view pool_name, absl::string_view name) {
  for (Pool& pool : config.pools) {
    if (pool.name != pool_name) continue;
    for (Backend& backend : pool.backends) {
      if (backend.name == name) return &backend;
    }
  }
  return nullptr;
}

// Where the file drains it too, the file speaks.
bool IsByFile(const Backend& backend, const BackendDrain* beside) {
  return beside == nullptr || backend.drain->reason != beside->reason ||
         backend.drain->until != beside->until;
}

}  // namespace

std::vector<BackendDrain> JoinDrains(const std::vector<BackendDrain>& drains, Config& config) {
  std::vector<BackendDrain> joined;
  for (const BackendDrain& drain : drains) {
    Backend* backend = FindBackend(config, drain.pool, drain.backend);
    if (backend == nullptr) continue;
    if (!backend->drain) backend->drain = Drain{.reason = drain.reason, .until = drain.until};
    joined.push_back(drain);
  }
  return joined;
}

const BackendDrain* FindDrain(const std::vector<BackendDrain>& drains, absl::string_view pool,
                              absl::string_view backend) {
  for (const BackendDrain& drain : drains) {
    if (drain.pool == pool && drain.backend == backend) return &drain;
  }
  return nullptr;
}

std::vector<DrainView> ViewsOf(const Config& effective, const std::vector<BackendDrain>& drains) {
  std::vector<DrainView> views;
  for (const Pool& pool : effective.pools) {
    for (const Backend& backend : pool.backends) {
      if (!backend.drain) continue;
      DrainView view{.pool = pool.name,
                     .backend = backend.name,
                     .reason = backend.drain->reason,
                     .until = {},
                     .by_file = IsByFile(backend, FindDrain(drains, pool.name, backend.name))};
      if (backend.drain->until != absl::InfiniteFuture()) view.until = backend.drain->until;
      views.push_back(std::move(view));
    }
  }
  return views;
}

}  // namespace evenkeel
