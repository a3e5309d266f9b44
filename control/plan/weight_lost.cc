#include "control/plan/weight_lost.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

// How much heavier a backend that stays has become, and how much it weighed.
struct Kept {
  double factor;
  double weight;
};

std::vector<Kept> KeptBackends(const PoolWeights& before, const PoolWeights& after) {
  std::vector<Kept> kept;
  for (const auto& [address, weight] : before) {
    const auto found = after.find(address);
    if (found == after.end()) continue;
    kept.push_back({static_cast<double>(found->second) / weight, static_cast<double>(weight)});
  }
  std::sort(kept.begin(), kept.end(),
            [](const Kept& a, const Kept& b) { return a.factor < b.factor; });
  return kept;
}

// `kept` is sorted and not empty.
double WeightedMedian(const std::vector<Kept>& kept) {
  double total = 0;
  for (const Kept& one : kept) total += one.weight;
  double sum = 0;
  for (const Kept& one : kept) {
    sum += one.weight;
    if (sum * 2 >= total) return one.factor;
  }
  return kept.back().factor;
}

// When a weight of `scale` times the former one counts as the same.
double LostAtScale(const PoolWeights& before, const PoolWeights& after, double scale) {
  double total = 0;
  double lost = 0;
  for (const auto& [address, weight] : before) {
    const auto found = after.find(address);
    const double now = found == after.end() ? 0 : found->second / scale;
    total += weight;
    lost += std::max(0.0, weight - now);
  }
  return total == 0 ? 0 : lost / total;
}

// When a weight of `scale` times the former one counts as the same.
double NetLostAtScale(const PoolWeights& before, const PoolWeights& after, double scale) {
  double had = 0;
  double has = 0;
  for (const auto& [address, weight] : before) had += weight;
  for (const auto& [address, weight] : after) has += weight / scale;
  return had == 0 ? 0 : std::max(0.0, had - has) / had;
}

// The larger of the losses at the scales that the backends which stay may have gone over to.
template <typename LostAt>
double LostAtLikelyScales(const std::vector<Kept>& kept, LostAt lost_at) {
  const double most_kept = kept.back().factor;
  if (most_kept < 1) return lost_at(most_kept);
  return std::max(lost_at(1.0), lost_at(std::max(1.0, WeightedMedian(kept))));
}

// What a pool is known by: its name, and the names and matches of the services that use it.
std::vector<std::string> NamesOf(const Config& config, const Pool& pool) {
  std::vector<std::string> names = {PathOf(pool)};
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    names.push_back(PathOf(service));
    names.push_back(MatchText(service));
  }
  return names;
}

}  // namespace

PoolWeights HealthyWeights(const Pool& pool) {
  PoolWeights weights;
  for (const Backend& backend : pool.backends) {
    if (backend.effective_weight() != 0) weights[backend.address] = backend.effective_weight();
  }
  return weights;
}

double WeightLost(const PoolWeights& before, const PoolWeights& after) {
  if (before.empty()) return 0;
  const std::vector<Kept> kept = KeptBackends(before, after);
  if (kept.empty()) return 1;
  return LostAtLikelyScales(kept, [&](double scale) { return LostAtScale(before, after, scale); });
}

double NetWeightLost(const PoolWeights& before, const PoolWeights& after) {
  if (after.empty()) return before.empty() ? 0 : 1;
  const std::vector<Kept> kept = KeptBackends(before, after);
  if (kept.empty()) return 0;
  return LostAtLikelyScales(kept,
                            [&](double scale) { return NetLostAtScale(before, after, scale); });
}

void WeightHistory::Add(const Config& confirmed) {
  for (const Pool& pool : confirmed.pools) {
    const PoolWeights weights = HealthyWeights(pool);
    for (const std::string& name : NamesOf(confirmed, pool)) {
      std::vector<PoolWeights>& states = states_[name];
      if (std::find(states.begin(), states.end(), weights) == states.end()) {
        states.push_back(weights);
      }
    }
  }
}

double WeightHistory::WorstLoss(const Config& candidate, const Pool& pool) const {
  const PoolWeights now = HealthyWeights(pool);
  double worst = 0;
  for (const std::string& name : NamesOf(candidate, pool)) {
    const auto found = states_.find(name);
    if (found == states_.end()) continue;
    for (const PoolWeights& state : found->second) {
      worst = std::max(worst, NetWeightLost(state, now));
    }
  }
  return worst;
}

}  // namespace evenkeel
