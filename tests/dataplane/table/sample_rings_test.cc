// The rings of sampled headers: what a reader may meet.
#include "dataplane/table/sample_rings.h"

#include <gtest/gtest.h>

#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

lb_sample From(uint16_t port) {
  lb_sample sample{};
  sample.source_port = port;
  return sample;
}

class SampleRingsTest : public testing::Test {
 protected:
  SampleRingsTest() : memory_(*SampleMemory::Create(2)) {}

  std::vector<lb_sample> Take(uint32_t ring) {
    std::vector<lb_sample> samples;
    TakeSamples(memory_.ring(ring), &samples);
    return samples;
  }

  SampleMemory memory_;
};

TEST_F(SampleRingsTest, EachWritersSamplesAreReadInOrderThroughAnotherMapping) {
  SampleWriter first(memory_.ring(0)), second(memory_.ring(1));
  for (uint16_t port = 1; port <= 3; ++port) ASSERT_TRUE(first.Put(From(port)));
  ASSERT_TRUE(second.Put(From(9)));
  absl::StatusOr<SampleMemory> other = SampleMemory::Open(*Duplicate(memory_.fd()), 2);
  ASSERT_TRUE(other.ok()) << other.status();
  std::vector<lb_sample> samples;
  TakeSamples(other->ring(0), &samples);
  TakeSamples(other->ring(1), &samples);
  ASSERT_EQ(samples.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(samples[i].source_port, i + 1);
  EXPECT_EQ(samples[3].source_port, 9);
  EXPECT_TRUE(Take(0).empty());
}

TEST_F(SampleRingsTest, AFullRingDropsAndCountsAndTakesAgainWhatComesAfterARead) {
  SampleWriter writer(memory_.ring(0));
  for (uint32_t i = 0; i < LB_SAMPLES_PER_RING; ++i) ASSERT_TRUE(writer.Put(From(1)));
  EXPECT_FALSE(writer.Put(From(2)));
  EXPECT_FALSE(writer.Put(From(2)));
  EXPECT_EQ(DroppedSamples(memory_.ring(0)), 2u);
  EXPECT_EQ(Take(0).size(), LB_SAMPLES_PER_RING);
  ASSERT_TRUE(writer.Put(From(3)));
  const std::vector<lb_sample> after = Take(0);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].source_port, 3);
}

TEST_F(SampleRingsTest, AWriterThatComesAfterAnotherGoesOnWhereItStood) {
  ASSERT_TRUE(SampleWriter(memory_.ring(0)).Put(From(1)));
  ASSERT_TRUE(SampleWriter(memory_.ring(0)).Put(From(2)));
  EXPECT_EQ(Take(0).size(), 2u);
}

TEST_F(SampleRingsTest, AReaderSurvivesAHeadThatMakesNoSense) {
  memory_.ring(0).head->head = UINT64_MAX / 2;
  EXPECT_TRUE(Take(0).empty());
  SampleWriter writer(memory_.ring(0));
  ASSERT_TRUE(writer.Put(From(5)));
  EXPECT_EQ(Take(0).size(), 1u);
}

TEST_F(SampleRingsTest, MemoryOfAnotherSizeIsRefused) {
  EXPECT_FALSE(SampleMemory::Open(*Duplicate(memory_.fd()), 3).ok());
  EXPECT_FALSE(SampleMemory::Open(*Duplicate(memory_.fd()), 0).ok());
  EXPECT_FALSE(SampleMemory::Open(UniqueFd(), 2).ok());
}

TEST(SampleSkipTest, IsEvenOnAverageAndNothingForEveryPacket) {
  for (const uint32_t every : {1u, 2u, 3u, 10u, 1000u, 1u << 20}) {
    EXPECT_EQ(lb_sample_skip(0, every), 0u);
    EXPECT_EQ(lb_sample_skip(UINT32_MAX, every), 2ull * every - 2);
  }
}

}  // namespace
}  // namespace evenkeel
