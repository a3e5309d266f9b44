#include "control/overlay/rendezvous.h"

#include <algorithm>

#include "dataplane/table/log2.h"

namespace evenkeel {

Rendezvous::Rendezvous(std::span<const FillBackend> backends) {
  for (const uint32_t place : OrderById(backends)) {
    const FillBackend& backend = backends[place];
    if (backend.weight == 0) continue;
    auto group = std::ranges::find(groups_, backend.weight, &WeightClass::weight);
    if (group == groups_.end()) group = groups_.insert(group, {backend.weight, {}});
    group->candidates.push_back({backend.id, MixedId(backend.id, kChoiceSeed), place});
  }
}

Rendezvous::Bid Rendezvous::MakeBid(uint64_t hash, uint32_t weight, uint64_t id, size_t place) {
  return {(uint64_t{64} << 32) - Log2Q32(std::max<uint64_t>(hash, 1)), weight, id, place};
}

bool Rendezvous::IsBetter(const Bid& a, const Bid& b) {
  const uint64_t mine = a.distance * b.weight;  // at most 2^58
  const uint64_t its = b.distance * a.weight;
  return mine != its ? mine < its : a.id < b.id;
}

}  // namespace evenkeel
