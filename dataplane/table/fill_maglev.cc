#include "dataplane/table/fill_maglev.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr uint32_t kFree = ~0u;

bool IsPrime(uint32_t n) {
  for (uint32_t d = 2; d * d <= n; d++) {
    if (n % d == 0) return false;
  }
  return n >= 2;
}

// One backend's permutation of 0..prime-1, walked step by step.
struct Walker {
  uint32_t backend;  // position in the caller's input
  uint32_t next;     // slot that it prefers now
  uint32_t skip;
  uint64_t weight;
  uint64_t credit = 0;
};

Walker MakeWalker(uint32_t position, const FillBackend& backend, uint32_t prime) {
  const uint64_t h1 = MixId(backend.id ^ kFillSeed);
  const uint64_t h2 = MixId(h1 + 0x9e3779b97f4a7c15ull);
  return {position, static_cast<uint32_t>(h1 % prime), static_cast<uint32_t>(h2 % (prime - 1)) + 1,
          backend.weight};
}

// Takes the next free slot of the backend's permutation; there is one as long as the table is not
// full.
void TakePreferred(Walker& walker, uint32_t prime, Fill& fill) {
  uint32_t slot;
  do {
    slot = walker.next;
    walker.next += walker.skip;
    if (walker.next >= prime) walker.next -= prime;
  } while (fill[slot] != kFree);
  fill[slot] = walker.backend;
}

}  // namespace

uint32_t MaglevPrime(uint32_t slots_log2) {
  uint32_t candidate = (1u << slots_log2) - 1;
  while (!IsPrime(candidate)) candidate -= 2;
  return candidate;
}

absl::StatusOr<Fill> FillMaglev(std::span<const FillBackend> backends, uint32_t slots_log2) {
  if (absl::Status status = CheckFillInput(backends, slots_log2); !status.ok()) return status;
  const uint32_t slot_count = 1u << slots_log2;
  const uint32_t prime = MaglevPrime(slots_log2);

  std::vector<Walker> walkers;
  walkers.reserve(backends.size());
  for (const uint32_t i : OrderById(backends)) walkers.push_back(MakeWalker(i, backends[i], prime));
  const uint64_t turn_price =
      std::ranges::max(walkers, {}, [](const Walker& w) { return w.weight; }).weight;

  Fill fill(slot_count, kFree);
  std::vector<uint32_t> owned(backends.size());
  for (uint32_t taken = 0; taken < slot_count;) {
    for (Walker& walker : walkers) {
      walker.credit += walker.weight;
      if (walker.credit < turn_price) continue;
      walker.credit -= turn_price;
      owned[walker.backend]++;
      if (taken < prime) {
        TakePreferred(walker, prime, fill);
      } else {
        fill[taken] = walker.backend;
      }
      if (++taken == slot_count) break;
    }
  }
  const auto without = std::ranges::count(owned, 0u);
  if (without != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a Maglev table of ", slot_count, " slots leaves ", without, " of ",
                     backends.size(), " backends without a slot; use more slots or even weights"));
  }
  return fill;
}

}  // namespace evenkeel
