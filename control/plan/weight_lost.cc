#include "control/plan/weight_lost.h"

#include <algorithm>
#include <utility>

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
  const double most_kept = kept.back().factor;
  if (most_kept < 1) return LostAtScale(before, after, most_kept);
  const double grown = std::max(1.0, WeightedMedian(kept));
  return std::max(LostAtScale(before, after, 1), LostAtScale(before, after, grown));
}

void WeightHistory::Add(const Config& confirmed) {
  for (const Pool& pool : confirmed.pools) {
    PoolWeights weights = HealthyWeights(pool);
    std::vector<PoolWeights>& states = states_[pool.name];
    if (std::find(states.begin(), states.end(), weights) == states.end()) {
      states.push_back(std::move(weights));
    }
  }
}

double WeightHistory::WorstLoss(const Pool& pool) const {
  const auto found = states_.find(pool.name);
  if (found == states_.end()) return 0;
  const PoolWeights now = HealthyWeights(pool);
  double worst = 0;
  for (const PoolWeights& state : found->second) worst = std::max(worst, WeightLost(state, now));
  return worst;
}

}  // namespace evenkeel
