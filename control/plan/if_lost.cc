#include "control/plan/if_lost.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

// `strain` is the load of a backend per remaining weight of its pool: load = strain / (total -
// lost).
struct Member {
  const Backend* backend;
  double weight;
  std::optional<double> strain;  // not set: it declares no capacity, so its load is not known
};

struct Strained {
  LoadBasis basis = LoadBasis::kShare;
  double total = 0;
  std::vector<Member> members;        // that own slots, in the order of the file
  std::vector<const Member*> heavy;   // by falling weight
  std::vector<const Member*> tensed;  // those whose strain is known, by falling strain
};

Strained Measure(const Pool& pool, std::optional<double> rate) {
  Strained pool_load;
  const bool judged =
      rate && std::any_of(pool.backends.begin(), pool.backends.end(), [](const Backend& backend) {
        return backend.effective_weight() && backend.capacity;
      });
  pool_load.basis = judged ? LoadBasis::kCapacity : LoadBasis::kShare;
  for (const Backend& backend : pool.backends) {
    const double weight = backend.effective_weight();
    if (weight != 0) pool_load.members.push_back({&backend, weight, std::nullopt});
    pool_load.total += weight;
  }
  for (Member& member : pool_load.members) {
    if (!judged) {
      member.strain = pool_load.total;
    } else if (member.backend->capacity) {
      member.strain = *rate * member.weight / std::max(1u, *member.backend->capacity);
    }
    pool_load.heavy.push_back(&member);
    if (member.strain) pool_load.tensed.push_back(&member);
  }
  std::stable_sort(pool_load.heavy.begin(), pool_load.heavy.end(),
                   [](const Member* a, const Member* b) { return a->weight > b->weight; });
  std::stable_sort(pool_load.tensed.begin(), pool_load.tensed.end(),
                   [](const Member* a, const Member* b) { return *a->strain > *b->strain; });
  return pool_load;
}

struct Worst {
  const Member* hit = nullptr;  // null: nobody is left whose load is known
  double load = 0;
  std::vector<const Member*> lost;
};

// The worst `count` members to lose. Whoever is hit hardest then is one of the `count + 1` under
// the highest strain, since at most `count` of them are gone; for each of these, losing the
// heaviest others is the worst.
Worst WorstLoss(const Strained& pool, size_t count) {
  Worst worst;
  for (size_t i = 0; i < pool.tensed.size() && i <= count; ++i) {
    const Member* hit = pool.tensed[i];
    std::vector<const Member*> lost;
    double left = pool.total;
    for (size_t h = 0; h < pool.heavy.size() && lost.size() < count; ++h) {
      if (pool.heavy[h] == hit) continue;
      lost.push_back(pool.heavy[h]);
      left -= pool.heavy[h]->weight;
    }
    if (lost.size() < count) break;
    const double load = *hit->strain / left;
    if (load > worst.load) worst = {hit, load, std::move(lost)};
  }
  return worst;
}

std::string NameOf(const Pool& pool, const Member& member) {
  return absl::StrCat(pool.name, "/", member.backend->name);
}

LossEffect LossOf(const Pool& pool, const Strained& strained, const Member& lost) {
  LossEffect effect{.lost = NameOf(pool, lost), .basis = strained.basis};
  for (const Member* hit : strained.tensed) {
    if (hit == &lost) continue;
    effect.backend = NameOf(pool, *hit);
    effect.load = *hit->strain / (strained.total - lost.weight);
    break;
  }
  return effect;
}

LossEffect LossOfWorstPair(const Pool& pool, const Strained& strained) {
  const Worst worst = WorstLoss(strained, 2);
  if (worst.hit == nullptr) {  // two backends, or of more only two that declare a capacity
    return {.lost = absl::StrCat(NameOf(pool, *strained.heavy[0]), " + ",
                                 NameOf(pool, *strained.heavy[1])),
            .basis = strained.basis};
  }
  return {.lost = absl::StrCat(NameOf(pool, *worst.lost[0]), " + ", NameOf(pool, *worst.lost[1])),
          .backend = NameOf(pool, *worst.hit),
          .load = worst.load,
          .basis = strained.basis};
}

}  // namespace

std::vector<LossEffect> IfLost(const Pool& pool, std::optional<double> new_flows_per_second) {
  const Strained strained = Measure(pool, new_flows_per_second);
  std::vector<LossEffect> effects;
  for (const Member& member : strained.members) effects.push_back(LossOf(pool, strained, member));
  if (strained.members.size() >= 2) effects.push_back(LossOfWorstPair(pool, strained));
  return effects;
}

std::optional<double> WorstCapacityLoad(const Pool& pool,
                                        std::optional<double> new_flows_per_second,
                                        size_t lost_count) {
  const Strained strained = Measure(pool, new_flows_per_second);
  if (strained.basis != LoadBasis::kCapacity) return std::nullopt;
  const Worst worst = WorstLoss(strained, lost_count);
  return worst.hit == nullptr ? std::nullopt : std::optional<double>(worst.load);
}

std::optional<double> WorstShareLoad(const Pool& pool, size_t lost_count) {
  const Worst worst = WorstLoss(Measure(pool, std::nullopt), lost_count);
  return worst.hit == nullptr ? std::nullopt : std::optional<double>(worst.load);
}

std::optional<double> RateOf(const Config& config, const Pool& pool,
                             const std::map<std::string, double>& new_flows_by_service) {
  double rate = 0;
  bool used = false;
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    const auto found = new_flows_by_service.find(service.name);
    if (found == new_flows_by_service.end()) return std::nullopt;
    rate += found->second;
    used = true;
  }
  return used ? std::optional<double>(rate) : std::nullopt;
}

size_t ServingBackends(const Pool& pool) {
  return static_cast<size_t>(
      std::count_if(pool.backends.begin(), pool.backends.end(),
                    [](const Backend& backend) { return backend.effective_weight() != 0; }));
}

}  // namespace evenkeel
