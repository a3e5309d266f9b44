#include "dataplane/table/fill_maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace evenkeel {
namespace {

std::vector<FillBackend> DrawBackends(uint32_t seed, uint32_t count, uint32_t weight_max) {
  std::mt19937_64 random(seed);
  std::vector<FillBackend> backends(count);
  for (FillBackend& backend : backends) {
    backend = {random(), static_cast<uint32_t>(random() % weight_max) + 1};
  }
  return backends;
}

std::vector<uint64_t> Ids(const std::vector<FillBackend>& backends, uint32_t slots_log2) {
  const absl::StatusOr<Fill> fill = FillMaglev(backends, slots_log2);
  EXPECT_TRUE(fill.ok()) << fill.status();
  std::vector<uint64_t> ids;
  for (const uint32_t owner : *fill) ids.push_back(backends[owner].id);
  return ids;
}

TEST(FillMaglevTest, PrimesAreTheLargestBelowAPowerOfTwo) {
  EXPECT_EQ(MaglevPrime(12), 4093u);
  EXPECT_EQ(MaglevPrime(16), 65521u);
  EXPECT_EQ(MaglevPrime(19), 524287u);
  EXPECT_EQ(MaglevPrime(20), 1048573u);
  for (uint32_t k = LB_SLOTS_LOG2_MIN; k <= LB_SLOTS_LOG2_MAX; k++) {
    EXPECT_LE((1u << k) - MaglevPrime(k), 19u);
  }
}

TEST(FillMaglevTest, EqualWeightsDifferByOneSlotAtMost) {
  for (const uint32_t count : {1u, 2u, 3u, 60u, 999u}) {
    const std::vector<FillBackend> backends = DrawBackends(count, count, 1);
    const absl::StatusOr<Fill> fill = FillMaglev(backends, 16);
    ASSERT_TRUE(fill.ok()) << fill.status();
    const auto [least, most] = std::ranges::minmax(CountSlots(*fill, count));
    EXPECT_LE(most - least, 1u) << count << " backends";
  }
}

TEST(FillMaglevTest, WeightsAreFollowedWithinHalfAPercent) {
  for (uint32_t seed = 1; seed <= 20; seed++) {
    const std::vector<FillBackend> backends = DrawBackends(seed, 40, 91);
    const absl::StatusOr<Fill> fill = FillMaglev(backends, 16);
    ASSERT_TRUE(fill.ok()) << fill.status();
    const std::vector<uint32_t> owned = CountSlots(*fill, backends.size());
    double weight_sum = 0;
    for (const FillBackend& backend : backends) weight_sum += backend.weight;
    for (size_t i = 0; i < backends.size(); i++) {
      const double expected = 65536.0 * backends[i].weight / weight_sum;
      EXPECT_LT(std::abs(owned[i] - expected), 2.0 + 0.005 * expected) << "seed " << seed;
    }
  }
}

TEST(FillMaglevTest, NeitherOrderNorCommonFactorMatters) {
  for (uint32_t seed = 1; seed <= 10; seed++) {
    std::vector<FillBackend> backends = DrawBackends(seed, 20, 100);
    const std::vector<uint64_t> before = Ids(backends, 14);
    std::ranges::reverse(backends);
    EXPECT_EQ(Ids(backends, 14), before) << "seed " << seed;
    for (FillBackend& backend : backends) backend.weight *= 7;
    EXPECT_EQ(Ids(backends, 14), before) << "seed " << seed;
  }
}

TEST(FillMaglevTest, RemovalMovesAFewPercentBeyondTheMinimum) {
  std::vector<FillBackend> backends = DrawBackends(5, 100, 91);
  const std::vector<uint64_t> before = Ids(backends, 16);
  const uint64_t removed = backends.back().id;
  backends.pop_back();
  const std::vector<uint64_t> after = Ids(backends, 16);
  uint32_t needless = 0;
  for (size_t slot = 0; slot < before.size(); slot++) {
    needless += before[slot] != removed && before[slot] != after[slot];
  }
  EXPECT_LT(needless, before.size() * 3 / 100);
}

TEST(FillMaglevTest, RefusesToLeaveABackendWithoutASlot) {
  const absl::StatusOr<Fill> fill =
      FillMaglev(std::vector<FillBackend>{{1, 1}, {2, kWeightMax}}, 12);
  EXPECT_TRUE(absl::IsInvalidArgument(fill.status()));
}

}  // namespace
}  // namespace evenkeel
