#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/plan/guard_parts.h"

namespace evenkeel {
namespace {

// What is as bad already is only said: a guard must not stand in the way of a change for the
// better.
Severity Judge(bool was_as_bad) { return was_as_bad ? Severity::kWarning : Severity::kError; }

// What is left of the healthy weight after losing the `count` heaviest backends, 0..1.
double LeftAfter(const Pool& pool, uint32_t count) {
  std::vector<double> weights;
  for (const auto& [address, weight] : HealthyWeights(pool)) weights.push_back(weight);
  std::sort(weights.begin(), weights.end(), std::greater<>());
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto first_left = weights.begin() + std::min<size_t>(count, weights.size());
  return total == 0 ? 0 : std::accumulate(first_left, weights.end(), 0.0) / total;
}

void TooFewLeft(const GuardInput& in, const Pool& pool, FindingWriter& out) {
  const Objectives& objectives = pool.objectives;
  const std::string path = absl::StrCat(PathOf(pool), ".objectives.survive_failures");
  // The default promises nothing that a small pool could break.
  if (!in.candidate.locations.Has(path) || ServingBackends(pool) == 0) return;
  const double left = LeftAfter(pool, objectives.survive_failures);
  if (objectives.survive_failures == 0 || 100 * left + 1e-9 >= objectives.min_healthy_percent)
    return;
  const Pool* before = in.base == nullptr ? nullptr : in.base->FindPool(pool.name);
  const bool was_as_bad =
      before != nullptr && LeftAfter(*before, objectives.survive_failures) <= left;
  out.Add(
      Judge(was_as_bad), "F17", path,
      absl::StrCat("after the loss of ", objectives.survive_failures,
                   objectives.survive_failures == 1 ? " backend " : " backends ", PercentText(left),
                   " of the weight is left, less than min_healthy, ",
                   objectives.min_healthy_percent, "%"),
      absl::StrCat("add backends, or lower one of the two objectives; ", AllowHint("F17", path)));
}

// The former pool with the capacities that are declared now: a number that is only written down
// makes nothing worse.
Pool WithCapacitiesOf(const Pool& after, Pool before) {
  for (Backend& backend : before.backends) {
    for (const Backend& now : after.backends) {
      if (now.address == backend.address) backend.capacity = now.capacity;
    }
  }
  return before;
}

void Overload(const GuardInput& in, const Pool& pool, FindingWriter& out) {
  const std::optional<double> rate = RateOf(in.candidate, pool, in.inputs.new_flows);
  const Pool* before = in.base == nullptr ? nullptr : in.base->FindPool(pool.name);
  for (const uint32_t failures : {0u, pool.objectives.survive_failures}) {
    const std::optional<double> load = WorstCapacityLoad(pool, rate, failures);
    if (!load || *load <= 1) continue;
    const std::optional<double> was =
        before == nullptr ? std::nullopt
                          : WorstCapacityLoad(WithCapacitiesOf(pool, *before), rate, failures);
    const std::string path = absl::StrCat(PathOf(pool), ".backends");
    out.Add(Judge(was && *was >= *load), "F17", path,
            absl::StrCat("at ", static_cast<int64_t>(*rate), " new flows a second ",
                         failures == 0 ? std::string("the tightest backend is at ")
                                       : absl::StrCat("and with the worst ", failures,
                                                      " lost, the tightest survivor is at "),
                         PercentText(*load), " of its capacity"),
            absl::StrCat("add capacity, or move weight to where it is; ", AllowHint("F17", path)));
    return;
  }
}

}  // namespace

void GuardLosses(const GuardInput& in, FindingWriter& out) {
  for (const Pool& pool : in.candidate.pools) {
    if (!IsUsed(in.candidate, pool.name)) continue;
    TooFewLeft(in, pool, out);
    Overload(in, pool, out);
  }
}

}  // namespace evenkeel
