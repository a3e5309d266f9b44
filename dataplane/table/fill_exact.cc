#include "dataplane/table/fill_exact.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <numeric>

#include "dataplane/table/log2.h"

namespace evenkeel {
namespace {

constexpr uint32_t kNobody = ~0u;

// L[r]: quantile (2r + 1) / (2 * slots) of the exponential distribution, in Q32 and base 2.
std::vector<uint64_t> MakeRaceTimes(uint32_t slot_count) {
  std::vector<uint64_t> times(slot_count);
  const uint64_t top = Log2Q32(2ull * slot_count);
  for (uint32_t r = 0; r < slot_count; r++) times[r] = top - Log2Q32(2ull * slot_count - 2 * r - 1);
  return times;
}

// They depend on the size alone and cost more than the fill itself, so each size is computed once.
const std::vector<uint64_t>& RaceTimes(uint32_t slots_log2) {
  static std::array<std::once_flag, LB_SLOTS_LOG2_MAX + 1> once;
  static std::array<std::vector<uint64_t>, LB_SLOTS_LOG2_MAX + 1> times;
  std::call_once(once[slots_log2], [&] { times[slots_log2] = MakeRaceTimes(1u << slots_log2); });
  return times[slots_log2];
}

// A keyed bijection on `slots_log2` bits: multiply by odd numbers, add, fold the upper half down.
class Permutation {
 public:
  Permutation(uint64_t id, uint32_t slots_log2)
      : mask_((1u << slots_log2) - 1), shift_((slots_log2 + 1) / 2) {
    constexpr uint64_t kStep = 0x9e3779b97f4a7c15ull;
    const uint64_t h1 = MixId(id ^ kFillSeed);
    const uint64_t h2 = MixId(h1 + kStep);
    const uint64_t h3 = MixId(h2 + kStep);
    factor1_ = static_cast<uint32_t>(h1) | 1;
    add1_ = static_cast<uint32_t>(h1 >> 32);
    factor2_ = static_cast<uint32_t>(h2) | 1;
    add2_ = static_cast<uint32_t>(h2 >> 32);
    factor3_ = static_cast<uint32_t>(h3) | 1;
  }

  uint32_t operator()(uint32_t rank) const {
    uint32_t x = (rank * factor1_ + add1_) & mask_;
    x ^= x >> shift_;
    x = (x * factor2_ + add2_) & mask_;
    x ^= x >> shift_;
    x = (x * factor3_) & mask_;
    return x ^ (x >> shift_);
  }

 private:
  uint32_t mask_, shift_;
  uint32_t factor1_, add1_, factor2_, add2_, factor3_;
};

// One backend during the race. Sorted by id, so a lower position wins a tie.
struct Proposer {
  Permutation permutation;
  uint64_t weight;
  uint32_t need;  // slots that it still lacks
  uint32_t rank;  // its next proposal
};

// A slot's best bid so far.
struct Holder {
  uint32_t proposer = kNobody;
  uint32_t rank = 0;
};

// Deferred acceptance. Returns slot -> position among the proposers.
std::vector<Holder> Race(std::vector<Proposer>& proposers, uint32_t slots_log2) {
  const std::vector<uint64_t>& times = RaceTimes(slots_log2);
  std::vector<Holder> holders(size_t{1} << slots_log2);
  std::vector<uint32_t> hungry;
  for (size_t i = proposers.size(); i-- > 0;) {
    if (proposers[i].need != 0) hungry.push_back(static_cast<uint32_t>(i));
  }
  while (!hungry.empty()) {
    const uint32_t i = hungry.back();
    hungry.pop_back();
    Proposer& bidder = proposers[i];
    while (bidder.need != 0) {
      const uint32_t rank = bidder.rank++;
      Holder& holder = holders[bidder.permutation(rank)];
      if (holder.proposer != kNobody) {
        Proposer& owner = proposers[holder.proposer];
        // L / w, compared crosswise: at most 2^37 * 2^20.
        const uint64_t bid = times[rank] * owner.weight;
        const uint64_t held = times[holder.rank] * bidder.weight;
        if (bid > held || (bid == held && i > holder.proposer)) continue;
        if (owner.need++ == 0) hungry.push_back(holder.proposer);
      }
      holder = {i, rank};
      bidder.need--;
    }
  }
  return holders;
}

}  // namespace

std::vector<uint32_t> Quotas(std::span<const FillBackend> backends, uint32_t slot_count) {
  uint64_t weight_sum = 0;
  for (const FillBackend& backend : backends) weight_sum += backend.weight;

  std::vector<uint32_t> quotas(backends.size());
  std::vector<uint64_t> remainders(backends.size());
  uint64_t given = 0;
  for (size_t i = 0; i < backends.size(); i++) {
    const uint64_t product = uint64_t{slot_count} * backends[i].weight;
    quotas[i] = static_cast<uint32_t>(product / weight_sum);
    remainders[i] = product % weight_sum;
    given += quotas[i];
  }
  std::vector<uint32_t> order(backends.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    if (remainders[a] != remainders[b]) return remainders[a] > remainders[b];
    return MixId(backends[a].id) < MixId(backends[b].id);  // a bijection, so never equal
  });
  for (uint64_t i = 0; i < slot_count - given; i++) quotas[order[i]]++;
  return quotas;
}

absl::StatusOr<Fill> FillExact(std::span<const FillBackend> backends, uint32_t slots_log2) {
  if (absl::Status status = CheckFillInput(backends, slots_log2); !status.ok()) return status;
  const std::vector<uint32_t> quotas = Quotas(backends, 1u << slots_log2);
  const std::vector<uint32_t> order = OrderById(backends);

  std::vector<Proposer> proposers;
  proposers.reserve(order.size());
  for (const uint32_t i : order) {
    proposers.push_back(
        {Permutation(backends[i].id, slots_log2), backends[i].weight, quotas[i], 0});
  }
  const std::vector<Holder> holders = Race(proposers, slots_log2);

  Fill fill(holders.size());
  for (size_t slot = 0; slot < fill.size(); slot++) fill[slot] = order[holders[slot].proposer];
  return fill;
}

}  // namespace evenkeel
