// A slot's next choice: which backend stands in where its owner cannot take it.
//
// Weighted rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit
// rates", 1998; with weights by the logarithmic method of Schindelhauer and Schomaker, "Weighted
// distributed hash tables", SPAA 2005): of the backends that may be chosen, the one with the least
//
//   cost(slot, b) = (64 - log2 h(slot, b)) / weight(b),   h = MixId(MixId(id ^ seed) + slot * step)
//
// wins; of equal ones the lower id. Each is chosen in proportion to its weight, and whoever joins
// or leaves the choice takes or gives only its own slots. Integers only (Log2Q32, compared
// crosswise): the same on every node. Pure functions, any thread.
//
//   Rendezvous choice(backends);
//   std::optional<size_t> place = choice.Choose(slot, [&](size_t b) { return !is_out[b]; });
#ifndef CONTROL_OVERLAY_RENDEZVOUS_H_
#define CONTROL_OVERLAY_RENDEZVOUS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/table/fill.h"

namespace evenkeel {

// h of the formula: 64 even bits for a slot and a backend. `mixed_id` is MixedId() of its id.
constexpr uint64_t SlotHash(uint64_t mixed_id, uint32_t slot) {
  return MixId(mixed_id + slot * 0x9e3779b97f4a7c15ull);
}
constexpr uint64_t MixedId(uint64_t backend_id, uint64_t seed) { return MixId(backend_id ^ seed); }

inline constexpr uint64_t kChoiceSeed = 0x6e65787463686f69ull;  // "nextchoi"

class Rendezvous {
 public:
  // Backends of weight 0 are never chosen.
  explicit Rendezvous(std::span<const FillBackend> backends);

  // Place in the constructor's `backends` of the best one of which `may_take(place)` is true.
  template <typename MayTake>
  std::optional<size_t> Choose(uint32_t slot, MayTake may_take) const {
    // Among equal weights the highest hash has the least cost: one logarithm a weight is enough.
    std::optional<Bid> best;
    for (const WeightClass& group : groups_) {
      const Candidate* champion = nullptr;
      uint64_t highest = 0;
      for (const Candidate& candidate : group.candidates) {
        const uint64_t hash = SlotHash(candidate.mixed_id, slot);
        if (champion != nullptr && hash <= highest) continue;  // they stand by rising id
        if (!may_take(candidate.place)) continue;
        champion = &candidate;
        highest = hash;
      }
      if (champion == nullptr) continue;
      const Bid bid = MakeBid(highest, group.weight, champion->id, champion->place);
      if (!best || IsBetter(bid, *best)) best = bid;
    }
    return best ? std::optional<size_t>(best->place) : std::nullopt;
  }

 private:
  struct Candidate {
    uint64_t id;
    uint64_t mixed_id;
    size_t place;
  };
  struct WeightClass {
    uint32_t weight;
    std::vector<Candidate> candidates;  // by rising id
  };
  struct Bid {
    uint64_t distance;  // 64 - log2(hash), 32 fractional bits: at most 2^38
    uint32_t weight;
    uint64_t id;
    size_t place;
  };

  static Bid MakeBid(uint64_t hash, uint32_t weight, uint64_t id, size_t place);
  static bool IsBetter(const Bid& a, const Bid& b);

  std::vector<WeightClass> groups_;
};

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_RENDEZVOUS_H_
