#include "dataplane/table/fill_exact.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>

namespace evenkeel {
namespace {

struct Golden {
  const char* name;
  uint32_t slots_log2;
  uint32_t backends;
  std::function<uint32_t(uint32_t)> weight;
  const char* digest;
};

// Backend i has the address 10.0.(i/250).(i%250+1).
std::vector<FillBackend> Backends(uint32_t count, const std::function<uint32_t(uint32_t)>& weight) {
  std::vector<FillBackend> backends;
  for (uint32_t i = 0; i < count; i++) {
    const Address address =
        MapIpv4({10, 0, static_cast<uint8_t>(i / 250), static_cast<uint8_t>(i % 250 + 1)});
    backends.push_back({BackendId(address), weight(i)});
  }
  return backends;
}

std::function<uint32_t(uint32_t)> Listed(std::vector<uint32_t> weights) {
  return [weights](uint32_t i) { return weights[i]; };
}

const auto kOne = [](uint32_t) { return 1u; };
const auto kHundred = [](uint32_t) { return 100u; };
const auto kRising = [](uint32_t i) { return i + 1; };
const auto kSpread = [](uint32_t i) { return 10 + (i * 37) % 91; };
const auto kHalves = [](uint32_t i) { return i < 10 ? 100u : 50u; };

const Golden kGolden[] = {
    {"one", 12, 1, kOne, "870e90dd02226166c9a76517d63b9b1e2eeca055ffba3149026aed34292c5d79"},
    {"1:10", 12, 2, Listed({1, 10}),
     "a3ee0c27a9d1b4e86162b72bf7910e5c9d687ea3e1287651a61c3ef81ef1dbaf"},
    {"3x100", 12, 3, kHundred, "0959c957d7c6d466d39cefb18e5199f84cb9a7d1cb48970d906e5a259b1c2946"},
    {"1:10", 16, 2, Listed({1, 10}),
     "bb1c26ea0be2de24fd7bec38874e78ddca6c98d702910fbc080f7322a4c427d9"},
    {"3x100", 16, 3, kHundred, "86cf834ae464414fb6ad98c914876d8cd9f30b0383fd6296f249f5258115e4cf"},
    {"1000,4x100", 16, 5, Listed({1000, 100, 100, 100, 100}),
     "dfbd4a8eab062f44a6940f04d6baac5c8f2c69d5b6339000df65e81d12bbe4bc"},
    {"97,1,1,1", 16, 4, Listed({97, 1, 1, 1}),
     "0c0b799fc325330e69af582f4cf4e94ebf79971a4081360551f62e5eb6ddfdfd"},
    {"1..10", 16, 10, kRising, "52d63a492541fd35df3a659ab74f41ee77790460e68f290320babdcd88dfe7ef"},
    {"10x100", 16, 10, kHundred,
     "e03e2547042e47bb197879a7ff99df4e8ded85dd6aa5f9a20cdd700780883b1e"},
    {"100x100", 16, 100, kHundred,
     "5127b3f757419809db3a98f7c7819a1d7ca6e76183d480ac0d687a1a6f7d0b8a"},
    {"100 spread", 16, 100, kSpread,
     "6c286706b8da9737909d3d78df7972cc7906a1d90e85e55bcd6cf8d7fe7901ca"},
    {"1000 spread", 16, 1000, kSpread,
     "ac1d79113c62b59299ada2757757bdad7497a51bc10cc48152e08c744a8b4c9a"},
    {"halves", 17, 20, kHalves, "093193b4019e4e6f253fb3461dace603b04997fac228d3af804d363ef301d41a"},
    {"1000 spread", 18, 1000, kSpread,
     "efc0ec3cbc0d5a0f2107ba735cb07370c29886f938beea818c3a77502d075bbf"},
    {"10000 spread", 20, 10000, kSpread,
     "109643e73e55d5768195393b37a8725563f2ba1d25455321e1a26e53d7d21cac"},
};

TEST(FillExactTest, GoldenDigests) {
  for (const Golden& golden : kGolden) {
    const std::vector<FillBackend> backends = Backends(golden.backends, golden.weight);
    const absl::StatusOr<Fill> fill = FillExact(backends, golden.slots_log2);
    ASSERT_TRUE(fill.ok()) << fill.status();
    EXPECT_EQ(HexDigest(IdDigest(*fill, backends)), golden.digest)
        << golden.name << " in 2^" << golden.slots_log2;
  }
}

// Random inputs for the properties; a failure prints the seed.
class FillExactPropertyTest : public testing::TestWithParam<uint32_t> {
 protected:
  std::mt19937 random_{GetParam()};
  uint32_t Draw(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random_);
  }
  std::vector<FillBackend> DrawBackends(uint32_t weight_max) {
    std::vector<FillBackend> backends(Draw(2, 60));
    for (FillBackend& backend : backends) {
      backend = {(uint64_t{random_()} << 32) | random_(), Draw(1, weight_max)};
    }
    return backends;
  }
  // Slot -> id, which does not depend on the order of the input.
  static std::vector<uint64_t> Ids(const std::vector<FillBackend>& backends, uint32_t slots_log2) {
    const absl::StatusOr<Fill> fill = FillExact(backends, slots_log2);
    EXPECT_TRUE(fill.ok()) << fill.status();
    std::vector<uint64_t> ids;
    for (const uint32_t owner : *fill) ids.push_back(backends[owner].id);
    return ids;
  }
};

TEST_P(FillExactPropertyTest, SharesAreExactToTheRounding) {
  const std::vector<FillBackend> backends = DrawBackends(kWeightMax);
  const absl::StatusOr<Fill> fill = FillExact(backends, 14);
  ASSERT_TRUE(fill.ok()) << fill.status();
  const std::vector<uint32_t> owned = CountSlots(*fill, backends.size());
  EXPECT_EQ(owned, Quotas(backends, 1u << 14));
  double weight_sum = 0;
  for (const FillBackend& backend : backends) weight_sum += backend.weight;
  for (size_t i = 0; i < backends.size(); i++) {
    EXPECT_LT(std::abs(owned[i] - 16384.0 * backends[i].weight / weight_sum), 1.0)
        << "seed " << GetParam();
  }
}

TEST_P(FillExactPropertyTest, OrderOfTheInputDoesNotMatter) {
  std::vector<FillBackend> backends = DrawBackends(1000);
  const std::vector<uint64_t> before = Ids(backends, 12);
  std::ranges::shuffle(backends, random_);
  EXPECT_EQ(Ids(backends, 12), before) << "seed " << GetParam();
}

TEST_P(FillExactPropertyTest, CommonFactorOfTheWeightsDoesNotMatter) {
  std::vector<FillBackend> backends = DrawBackends(1000);
  const std::vector<uint64_t> before = Ids(backends, 12);
  const uint32_t factor = Draw(2, 1000);
  for (FillBackend& backend : backends) backend.weight *= factor;
  EXPECT_EQ(Ids(backends, 12), before) << "seed " << GetParam() << " factor " << factor;
}

TEST_P(FillExactPropertyTest, RemovalMovesLittleBeyondTheMinimum) {
  std::vector<FillBackend> backends = DrawBackends(100);
  const std::vector<uint64_t> before = Ids(backends, 16);
  const uint64_t removed = backends.back().id;
  backends.pop_back();
  const std::vector<uint64_t> after = Ids(backends, 16);
  uint32_t needless = 0;
  for (size_t slot = 0; slot < before.size(); slot++) {
    needless += before[slot] != removed && before[slot] != after[slot];
  }
  EXPECT_LT(needless, before.size() / 50) << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Seeds, FillExactPropertyTest, testing::Range(1u, 26u));

TEST(FillExactTest, RemovalOfOneOfAHundredMovesUnderHalfAPercentTooMany) {
  std::vector<FillBackend> backends = Backends(100, kSpread);
  const Fill before = *FillExact(backends, 16);
  const FillBackend removed = backends.back();
  const std::vector<FillBackend> rest(backends.begin(), backends.end() - 1);
  const Fill after = *FillExact(rest, 16);
  uint32_t needless = 0;
  for (size_t slot = 0; slot < before.size(); slot++) {
    needless += backends[before[slot]].id != removed.id && before[slot] != after[slot];
  }
  EXPECT_LT(needless, 65536 / 200);
}

TEST(FillExactTest, MoreBackendsThanSlotsStillFillsEverySlot) {
  const std::vector<FillBackend> backends = Backends(5000, kHundred);
  const absl::StatusOr<Fill> fill = FillExact(backends, 12);
  ASSERT_TRUE(fill.ok()) << fill.status();
  const std::vector<uint32_t> owned = CountSlots(*fill, backends.size());
  EXPECT_EQ(std::ranges::count(owned, 1u), 4096);
  EXPECT_EQ(std::ranges::count(owned, 0u), 904);
}

TEST(FillExactTest, RefusesWhatCannotBeFilled) {
  const std::vector<FillBackend> one = {{1, 100}};
  EXPECT_FALSE(FillExact({}, 16).ok());
  EXPECT_FALSE(FillExact(one, 11).ok());
  EXPECT_FALSE(FillExact(one, 21).ok());
  EXPECT_FALSE(FillExact(std::vector<FillBackend>{{1, 0}}, 16).ok());
  EXPECT_FALSE(FillExact(std::vector<FillBackend>{{1, kWeightMax + 1}}, 16).ok());
  EXPECT_FALSE(FillExact(std::vector<FillBackend>{{1, 5}, {2, 5}, {1, 6}}, 16).ok());
  EXPECT_TRUE(FillExact(std::vector<FillBackend>{{1, 1}, {2, kWeightMax}}, 20).ok());
}

}  // namespace
}  // namespace evenkeel
