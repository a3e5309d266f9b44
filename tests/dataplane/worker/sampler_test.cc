// Which packets a worker shows to control, and what it says of them.
#include "dataplane/worker/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "dataplane/forward/wire.h"
#include "dataplane/worker/burst.h"
#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/builder.h"
#include "tests/packets/corpus.h"
#include "tests/packets/tables.h"

namespace evenkeel {
namespace {

class SamplerTest : public testing::Test {
 protected:
  SamplerTest() : memory_(*SampleMemory::Create(1)) {
    std::iota(std::begin(positions_), std::end(positions_), uint8_t{0});
  }

  SampleRing ring() const { return memory_.ring(0); }
  std::vector<lb_sample> Take() {
    std::vector<lb_sample> samples;
    TakeSamples(ring(), &samples);
    return samples;
  }

  SampleMemory memory_;
  uint8_t positions_[LB_BATCH_MAX];
};

TEST_F(SamplerTest, WithoutARingOrARateNothingIsPicked) {
  Sampler none;
  Sampler off(ring(), 1);
  for (int i = 0; i < 1000; ++i) {
    none.Pick(positions_, LB_BATCH_MAX);
    off.Pick(positions_, LB_BATCH_MAX);
    ASSERT_FALSE(none.has_picked());
    ASSERT_FALSE(off.has_picked());
  }
}

TEST_F(SamplerTest, TheRateIsFollowedAtTheNextBurst) {
  Sampler sampler(ring(), 1);
  sampler.Pick(positions_, 4);
  SetSampleRate(ring(), 1);
  sampler.Pick(positions_, 4);
  ASSERT_EQ(sampler.picked().size(), 4u);
  for (uint8_t i = 0; i < 4; ++i) EXPECT_EQ(sampler.picked()[i], i);
  SetSampleRate(ring(), 0);
  sampler.Pick(positions_, 4);
  EXPECT_FALSE(sampler.has_picked());
}

// Each place of a burst is picked one time in N, whatever the bursts' length: nothing of the
// traffic's own rhythm is favoured. 6 sigma of a binomial count, for any seed.
TEST_F(SamplerTest, EveryPlaceOfABurstIsPickedAlike) {
  const uint64_t seed = testing::UnitTest::GetInstance()->random_seed() + 12345;
  for (const uint32_t every : {2u, 7u, 32u, 100u}) {
    SetSampleRate(ring(), every);
    Sampler sampler(ring(), seed * every);
    const uint32_t length = 32;
    const double bursts = 200'000;
    std::vector<double> counts(length);
    for (int i = 0; i < bursts; ++i) {
      sampler.Pick(positions_, length);
      for (const uint8_t at : sampler.picked()) ++counts[at];
    }
    const double expected = bursts / every;
    const double sigma = std::sqrt(expected);
    for (uint32_t i = 0; i < length; ++i) {
      EXPECT_NEAR(counts[i], expected, 6 * sigma) << "every " << every << ", place " << i;
    }
  }
}

TEST_F(SamplerTest, AReaderThatDoesNotReadCostsOnePacketInThousands) {
  SetSampleRate(ring(), 1);
  Sampler sampler(ring(), 1);
  uint64_t picked = 0;
  const uint64_t packets = 4 * LB_SAMPLES_PER_RING + 64 * LB_SAMPLE_BACK_OFF;
  for (uint64_t i = 0; i < packets; i += LB_BATCH_MAX) {
    sampler.Pick(positions_, LB_BATCH_MAX);
    picked += sampler.picked().size();
    for (size_t k = 0; k < sampler.picked().size(); ++k) sampler.Put({});
  }
  EXPECT_EQ(Take().size(), LB_SAMPLES_PER_RING);
  // Of the burst that found the ring full each packet had been picked already.
  EXPECT_LE(picked, LB_SAMPLES_PER_RING + (packets / LB_SAMPLE_BACK_OFF + 1) * LB_BATCH_MAX);
  EXPECT_GT(DroppedSamples(ring()), 0u);
}

// The corpus through the worker's stages: of each packet that matches a service there is one
// sample, with what the frame says and what was decided, and no byte of any frame differs for it.
TEST_F(SamplerTest, SaysOfEveryPacketOfTheCorpusWhatItIsAndWhatBecameOfIt) {
  RingPort wire;
  SetSampleRate(ring(), 1);
  size_t seen = 0;
  for (const packets::Case& c : packets::Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const packets::Tables tables(c.tables);
    const GenerationCounters counters(1024);
    Burst burst;
    burst.sampler = Sampler(ring(), 1);
    burst.count = 1;
    burst.packet[0] = wire.MakePacket(c.in);
    lb_flow flow{};
    const uint8_t* frame = c.in.data();
    const lb_verdict classified =
        burst.packet[0]->nb_segs == 1
            ? lb_classify(&tables.view(), frame, frame + c.in.size(), &flow)
            : LB_DROP;
    ForwardBurst(tables.view(), &counters.flow(0), &burst);
    const std::vector<lb_sample> samples = Take();
    const bool is_flow =
        classified == LB_FORWARD && (flow.flags & (LB_FLOW_ECHO | LB_FLOW_ICMP_ERROR)) == 0;
    ASSERT_EQ(samples.size(), is_flow ? 1u : 0u);
    if (is_flow) {
      const lb_sample& sample = samples[0];
      EXPECT_EQ(sample.reason, c.reason == LB_REASON_no_headroom ? LB_REASON_none : c.reason);
      EXPECT_EQ(sample.service, flow.service);
      EXPECT_EQ(sample.family, flow.family);
      EXPECT_EQ(sample.protocol, flow.protocol);
      EXPECT_EQ(sample.source_port, flow.source_port);
      EXPECT_EQ(sample.destination_port, flow.destination_port);
      EXPECT_EQ(sample.ip_length, flow.ip_length);
      EXPECT_EQ(sample.flags & LB_FLOW_NEW, flow.flags & LB_FLOW_NEW);
      EXPECT_EQ(sample.ttl, flow.ttl);
      EXPECT_EQ(sample.every, 1u);
      const uint8_t* ip = frame + flow.l3_offset;
      if (flow.family == LB_IPV4) {
        EXPECT_EQ(std::memcmp(sample.source + 12, ip + 12, 4), 0);
        EXPECT_EQ(std::memcmp(sample.destination + 12, ip + 16, 4), 0);
        EXPECT_EQ(sample.source[10], 0xff);
      } else {
        EXPECT_EQ(std::memcmp(sample.source, ip + 8, 16), 0);
        EXPECT_EQ(std::memcmp(sample.destination, ip + 24, 16), 0);
      }
      if (flow.protocol == LB_PROTOCOL_TCP) {
        EXPECT_EQ(sample.tcp_flags, frame[flow.l4_offset + 13]);
      }
      ++seen;
    }
    if (burst.to_send_count == 1) {
      const uint8_t* data = rte_pktmbuf_mtod(burst.packet[0], const uint8_t*);
      const packets::Bytes out(data, data + burst.packet[0]->data_len);
      EXPECT_TRUE(out == c.out) << packets::HexDump(out) << packets::HexDump(c.out);
    }
    rte_pktmbuf_free_bulk(burst.packet, burst.count);
  }
  EXPECT_GT(seen, 20u);
  EXPECT_EQ(wire.buffers_out(), 0u);
}

}  // namespace
}  // namespace evenkeel
