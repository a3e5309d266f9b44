// Weights, the shares that come of them, and the table's size.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr uint32_t kSlotsRefuse = 20;
constexpr uint32_t kSlotsWarn = 100;
// The defaults of safety.weight_ratio and objectives.max_share_error: beyond them a file that
// accepts more is taken at its word, but not silently.
constexpr uint32_t kUsualRatio = 20;
constexpr uint32_t kUsualErrorPercent = 1;
// F01: a weight per declared capacity that is this many times the pool's median.
constexpr double kCapacityFactor = 2;
// F04: neighbours in the order of weights that are this far apart are of two scales ...
constexpr double kScaleGap = 8;
// ... if the weights on either side agree to within this.
constexpr double kScaleSpread = 3;

std::string WeightPath(const Pool& pool, const Backend& backend) {
  return absl::StrCat(PathOf(pool, backend), ".weight");
}

// The backends that own slots, lightest first.
std::vector<const Backend*> ByWeight(const Pool& pool) {
  std::vector<const Backend*> backends;
  for (const Backend& backend : pool.backends) {
    if (backend.effective_weight() > 0) backends.push_back(&backend);
  }
  std::stable_sort(backends.begin(), backends.end(),
                   [](const Backend* a, const Backend* b) { return a->weight < b->weight; });
  return backends;
}

double Ratio(const Backend& heavy, const Backend& light) {
  return static_cast<double>(heavy.weight) / light.weight;
}

// Takes the odd ones off both ends until the rest is within the usual ratio: the end further from
// the median is odd, unless an override says that the other one is. An error beyond the file's own
// limit.
void CheckWeightRatioOf(RuleContext& context, const Pool& pool) {
  const uint32_t limit = context.config().safety.weight_ratio;
  const std::vector<const Backend*> sorted = ByWeight(pool);
  size_t low = 0, high = sorted.size();
  while (high - low >= 2 && Ratio(*sorted[high - 1], *sorted[low]) > std::min(limit, kUsualRatio)) {
    const Backend& light = *sorted[low];
    const Backend& heavy = *sorted[high - 1];
    const Backend& median = *sorted[(low + high - 1) / 2];
    bool light_is_odd = Ratio(median, light) > Ratio(heavy, median);
    if (context.IsAllowed(WeightPath(pool, light))) light_is_odd = true;
    if (context.IsAllowed(WeightPath(pool, heavy))) light_is_odd = false;
    const Backend& odd = light_is_odd ? light : heavy;
    const Backend& other = light_is_odd ? heavy : light;
    const std::string message =
        absl::StrFormat("the weight %d is %.0f times %s the %d of `%s`, the limit is %d",
                        odd.weight, Ratio(heavy, light), light_is_odd ? "less than" : "more than",
                        other.weight, other.name, limit);
    if (Ratio(heavy, light) > limit) {
      context.Error(WeightPath(pool, odd), message,
                    "mend the weight, or raise safety.weight_ratio");
    } else {
      context.Warn(WeightPath(pool, odd), message, "safety.weight_ratio accepts it: is it meant?");
    }
    light_is_odd ? ++low : --high;
  }
}

double WeightPerCapacity(const Backend& backend) {
  return static_cast<double>(backend.weight) / *backend.capacity;
}

// A weight that is in line with the others can still be too much for what the backend declares.
void CheckWeightsAgainstCapacities(RuleContext& context, const Pool& pool) {
  std::vector<const Backend*> declared = ByWeight(pool);
  std::erase_if(declared, [](const Backend* backend) { return !backend->capacity; });
  if (declared.size() < 2) return;
  std::stable_sort(declared.begin(), declared.end(), [](const Backend* a, const Backend* b) {
    return WeightPerCapacity(*a) < WeightPerCapacity(*b);
  });
  const Backend& median = *declared[(declared.size() - 1) / 2];
  for (const Backend* backend : declared) {
    const double factor = WeightPerCapacity(*backend) / WeightPerCapacity(median);
    if (factor <= kCapacityFactor && factor * kCapacityFactor >= 1) continue;
    context.Warn(
        WeightPath(pool, *backend),
        absl::StrFormat("for its capacity of %d, `%s` weighs %.3g times what `%s` does (%d for %d)",
                        *backend->capacity, backend->name, factor, median.name, median.weight,
                        *median.capacity),
        "weights in proportion to capacities load all backends alike");
  }
}

void CheckWeights(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    CheckWeightRatioOf(context, pool);
    CheckWeightsAgainstCapacities(context, pool);
  }
}

void CheckZeroWeights(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    for (const Backend& backend : pool.backends) {
      if (backend.weight > 0 || backend.drain) continue;
      context.Error(WeightPath(pool, backend),
                    absl::StrCat("weight 0 takes `", backend.name, "` out without saying so"),
                    "to take it out add `drain: {reason: …, until: …}`, else give it a weight");
    }
  }
}

void CheckAllDrained(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (pool.backends.empty() || !ByWeight(pool).empty()) continue;
    const std::string message =
        absl::StrFormat("all %d backends of pool `%s` drain: nothing is left to serve its services",
                        pool.backends.size(), pool.name);
    if (pool.allow_empty) {
      context.Warn(PathOf(pool), message, "allow_empty: true accepts it");
    } else {
      context.Error(PathOf(pool), message, "keep at least one backend without `drain:`");
    }
  }
}

void CheckOneScale(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    const std::vector<const Backend*> sorted = ByWeight(pool);
    if (sorted.size() < 2) continue;
    const Backend &light = *sorted.front(), &heavy = *sorted.back();
    const uint32_t limit = std::min(context.config().safety.weight_ratio, kUsualRatio);
    // Beyond the ratio F01 speaks, and of a slip it says all that there is to say.
    const size_t group_min = Ratio(heavy, light) > limit ? 2 : 1;
    for (size_t i = group_min; i + group_min <= sorted.size(); ++i) {
      const Backend &below = *sorted[i - 1], &above = *sorted[i];
      if (Ratio(above, below) < kScaleGap || Ratio(below, light) > kScaleSpread ||
          Ratio(heavy, above) > kScaleSpread) {
        continue;
      }
      context.Warn(WeightPath(pool, above),
                   absl::StrFormat(
                       "weights of two scales in one pool: %d of %d are %d to %d, %d are %d to %d",
                       i, sorted.size(), light.weight, below.weight, sorted.size() - i,
                       above.weight, heavy.weight),
                   "percentages beside absolute numbers? write all weights in one unit");
    }
  }
}

void CheckShareError(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    const std::optional<PoolShares>& shares = context.SharesOf(pool);
    const uint32_t limit = pool.objectives.max_share_error_percent;
    if (!shares || shares->worst_error * 100 <= std::min(limit, kUsualErrorPercent)) continue;
    const Backend& worst = pool.backends[shares->worst_backend];
    const std::string message = absl::StrFormat(
        "`%s` would get %d of %d slots, %.2f%% off the share that its weight %d asks "
        "for; the objective is %d%%",
        worst.name, shares->slots[shares->worst_backend], pool.table.slots,
        shares->worst_error * 100, worst.weight, limit);
    if (shares->worst_error * 100 <= limit) {
      context.Warn(WeightPath(pool, worst), message, "more slots (table.slots) would be closer");
      continue;
    }
    context.Error(WeightPath(pool, worst), message,
                  pool.table.fill == FillKind::kMaglev
                      ? "use `fill: exact`, more slots, or a larger objectives.max_share_error"
                      : "use more slots (table.slots) or a larger objectives.max_share_error");
  }
}

void CheckLightestBackend(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    const std::optional<PoolShares>& shares = context.SharesOf(pool);
    if (!shares) continue;
    const uint32_t slots = shares->slots[shares->lightest_backend];
    if (slots >= kSlotsWarn) continue;
    const Backend& lightest = pool.backends[shares->lightest_backend];
    const std::string message = absl::StrFormat(
        "the lightest backend `%s` (weight %d) owns %d of %d slots, fewer than %d", lightest.name,
        lightest.weight, slots, pool.table.slots, slots < kSlotsRefuse ? kSlotsRefuse : kSlotsWarn);
    const std::string hint = "use more slots (table.slots), or weights closer to each other";
    if (slots < kSlotsRefuse) {
      context.Error(WeightPath(pool, lightest), message, hint);
    } else {
      context.Warn(WeightPath(pool, lightest), message, hint);
    }
  }
}

void CheckSlotCount(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (IsValidSlotCount(pool.table.slots)) continue;
    context.Error(absl::StrCat(PathOf(pool), ".table.slots"),
                  absl::StrCat("a table cannot have ", pool.table.slots, " slots"),
                  "a power of two from 4096 to 1048576; 65536 suits most pools");
  }
}

constexpr Rule kWeightRules[] = {
    {.id = "F01",
     .title = "a weight that is out of proportion",
     .explanation =
         "A zero too many in one weight sends most of the traffic to one backend, and a zero too "
         "few "
         "starves it. Weights are 1 to 1048576, and the heaviest of a pool may weigh at most "
         "safety.weight_ratio (20) times the lightest; the finding names the one that is further "
         "from the rest. Warned of: a ratio beyond 20 that safety.weight_ratio accepts, and a "
         "weight "
         "that is more than twice out of proportion to the capacities that the pool's backends "
         "declare. Backends that drain do not count.",
     .example = "web-1: {address: 10.0.1.11, weight: 1000}   # others: 10\n"
                "# instead: weight: 10, or raise safety.weight_ratio, or for a time\n"
                "safety: {allow: [{rule: F01, at: pools.web.backends.web-1.weight,\n"
                "                  reason: \"new hardware\", until: 2027-03-01T00:00:00Z}]}",
     .allow = Rule::Override::kAllowed,
     .check = CheckWeights},
    {.id = "F02",
     .title = "a weight of 0 without a drain",
     .explanation =
         "A weight of 0 takes a backend out of service silently, and is easily left behind. Taking "
         "one out is a drain, which has a reason and an end; with `drain:` the weight may be 0 or, "
         "better, what it shall have afterwards.",
     .example = "web-3: {address: 10.0.1.13, weight: 0}\n"
                "# instead:\n"
                "web-3: {address: 10.0.1.13, weight: 100,\n"
                "        drain: {reason: \"kernel upgrade\", until: 2027-01-31T12:00:00Z}}",
     .check = CheckZeroWeights},
    {.id = "F03",
     .title = "every backend of a pool drains",
     .explanation =
         "If all backends of a pool drain, no new connection to its services is served. A pool "
         "that "
         "is meant to be without backends says `allow_empty: true`; the finding is then a warning.",
     .example = "b1: {address: 10.0.1.11, weight: 100, drain: {reason: move, until: …}}\n"
                "b2: {address: 10.0.1.12, weight: 100, drain: {reason: move, until: …}}\n"
                "# instead: drain one after the other",
     .check = CheckAllDrained},
    {.id = "F04",
     .title = "weights of two scales in one pool",
     .explanation =
         "Percentages beside absolute numbers look reasonable each by itself. Warned where the "
         "weights of a pool fall into two groups that agree within themselves (3:1) but are eight "
         "times or more apart.",
     .example = "b1: {weight: 50}   b2: {weight: 50}   b3: {weight: 500}\n"
                "# instead: all in one unit, as capacities 50, 50, 50",
     .allow = Rule::Override::kAllowed,
     .check = CheckOneScale},
    {.id = "F05",
     .title = "a weight that does not fit its type",
     .explanation =
         "Balancers have kept a 32-bit weight in 16 bits, where 65536 becomes 0. Here a weight "
         "that "
         "does not fit is refused when the file is read, and so is anything but plain decimal "
         "digits: 0100, 0x64, 1e3, \"100\".",
     .example = "web-1: {address: 10.0.1.11, weight: 5000000000}\n"
                "# instead: a weight of 1 to 1048576; only the proportions matter"},
    {.id = "F06",
     .title = "shares that the table cannot express",
     .explanation =
         "Every backend gets a whole number of slots. If the weights ask for finer proportions "
         "than "
         "the table has slots for, somebody gets visibly more or less than asked for. The table is "
         "dealt out and each share compared with the weight; the worst one must be within "
         "objectives.max_share_error (1%).",
     .example = "table: {slots: 4096}   # 97 backends of weight 1000 and one of weight 51\n"
                "# instead: slots: 65536, or weights that are closer to each other",
     .allow = Rule::Override::kAllowed,
     .check = CheckShareError},
    {.id = "F07",
     .title = "a table too small for its lightest backend",
     .explanation =
         "With few slots a single one is a large part of a backend's share: rounding, and the loss "
         "of one slot, show in its load. Under 100 slots is a warning, under 20 an error.",
     .example = "table: {slots: 4096}   # 300 backends\n"
                "# instead: slots: 65536 (about 218 for each)",
     .allow = Rule::Override::kAllowed,
     .check = CheckLightestBackend},
    {.id = "F08",
     .title = "a table size that is not a power of two",
     .explanation =
         "A slot is the top bits of the flow's hash, so a table has 2^k slots, 4096 to 1048576. "
         "The "
         "size is never changed by itself: another k moves nearly every slot, so all nodes of a "
         "cluster must have the same.",
     .example = "table: {slots: 65537}\n# instead: slots: 65536",
     .check = CheckSlotCount},
};

}  // namespace

absl::Span<const Rule> WeightRules() { return kWeightRules; }

}  // namespace evenkeel
