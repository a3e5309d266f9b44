// The sketches against exact counts: their bounds hold for every stream.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "absl/hash/hash.h"
#include "control/sample/hyper_log_log.h"
#include "control/sample/sample_rate.h"
#include "control/sample/space_saving.h"

namespace evenkeel {
namespace {

std::mt19937_64 Random() {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

// Metwally et al.: count - error <= exact <= count; error <= total / capacity; whoever has more
// than that is there. With weights as with single occurrences.
TEST(SpaceSavingTest, ItsBoundsHoldForWeightedStreams) {
  std::mt19937_64 random = Random();
  for (const size_t capacity : {4u, 16u, 64u}) {
    for (const double skew : {0.5, 1.0, 2.0}) {
      SpaceSaving<uint32_t> sketch(capacity);
      std::map<uint32_t, uint64_t> exact;
      uint64_t total = 0;
      for (int i = 0; i < 30'000; ++i) {
        const double u = std::uniform_real_distribution<>(0.001, 1)(random);
        const uint32_t key = static_cast<uint32_t>(std::pow(u, -1 / skew));
        const uint64_t weight = 40 + random() % 1461;
        sketch.Add(key, weight);
        exact[key] += weight;
        total += weight;
      }
      ASSERT_EQ(sketch.total(), total);
      std::map<uint32_t, SpaceSaving<uint32_t>::Counter> found;
      for (const auto& counter : sketch.Top(SIZE_MAX)) {
        found[counter.key] = counter;
        ASSERT_GE(counter.count, exact[counter.key]);
        ASSERT_LE(counter.count - counter.error, exact[counter.key]);
        ASSERT_LE(counter.error, total / capacity);
      }
      ASSERT_LE(found.size(), capacity);
      for (const auto& [key, count] : exact) {
        ASSERT_TRUE(count <= total / capacity || found.contains(key)) << key;
      }
    }
  }
}

TEST(SpaceSavingTest, ClearedItIsAsNew) {
  SpaceSaving<uint32_t> sketch(2);
  sketch.Add(1, 10);
  sketch.Clear();
  EXPECT_EQ(sketch.total(), 0u);
  EXPECT_TRUE(sketch.Top(10).empty());
  sketch.Add(2, 3);
  ASSERT_EQ(sketch.Top(10).size(), 1u);
  EXPECT_EQ(sketch.Top(10)[0].count, 3u);
  EXPECT_EQ(sketch.Top(10)[0].error, 0u);
}

// Flajolet et al.: 1.04 / sqrt(1024) = 3.25 % of standard error. Eight of them, where chance has
// none for any seed; a stream is seen twice, which must change nothing.
TEST(HyperLogLogTest, CountsDistinctThingsWithinItsError) {
  std::mt19937_64 random = Random();
  for (const uint64_t distinct : {0u, 1u, 10u, 100u, 1000u, 3000u, 30'000u, 300'000u}) {
    HyperLogLog sketch;
    const uint64_t seed = random();
    for (int pass = 0; pass < 2; ++pass) {
      std::mt19937_64 stream(seed);
      for (uint64_t i = 0; i < distinct; ++i) sketch.Add(stream());
    }
    EXPECT_NEAR(sketch.Estimate(), distinct, 8 * 0.0325 * distinct + 0.5) << distinct;
  }
}

TEST(HyperLogLogTest, ClearedItIsEmpty) {
  HyperLogLog sketch;
  for (uint64_t i = 0; i < 1000; ++i) sketch.Add(absl::HashOf(i));
  sketch.Clear();
  EXPECT_EQ(sketch.Estimate(), 0);
}

TEST(SampleRateTest, TakesEveryPacketOfLittleTrafficAndThousandsOfMuch) {
  SampleRate rate;
  EXPECT_EQ(rate.every(), 1u);
  rate.Add(2000, false, 1);
  EXPECT_EQ(rate.every(), 1u);
  rate.Add(10e6, false, 1);
  EXPECT_EQ(rate.every(), 3334u);
  EXPECT_LE(10e6 / rate.every(), SampleRate::kSamplesASecond);
  rate.Add(5e6, false, 0.5);
  EXPECT_EQ(rate.every(), 3334u);
}

TEST(SampleRateTest, AReaderThatCameLateRaisesItALittle) {
  SampleRate rate;
  rate.Add(4096, true, 4);
  EXPECT_EQ(rate.every(), 2u);
}

TEST(SampleRateTest, AFullRingRaisesItAndQuietLowersItByHalves) {
  SampleRate rate;
  rate.Add(8192, true, 1);
  EXPECT_EQ(rate.every(), 16u);
  rate.Add(8192 * 16, true, 1);
  EXPECT_EQ(rate.every(), 256u);
  for (uint32_t expected = 128; expected >= 1; expected /= 2) {
    rate.Add(0, false, 1);
    EXPECT_EQ(rate.every(), expected);
  }
  rate.Add(0, false, 1);
  EXPECT_EQ(rate.every(), 1u);
  for (int i = 0; i < 100; ++i) rate.Add(1e18, true, 1);
  EXPECT_LE(rate.every(), 1u << 20);
}

}  // namespace
}  // namespace evenkeel
