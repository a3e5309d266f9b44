// The corpus through the worker's stages, a burst at a time: the same bytes as the core alone
// gives.
#include "dataplane/worker/burst.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/corpus.h"
#include "tests/packets/mutate.h"
#include "tests/packets/run_native.h"
#include "tests/packets/stories.h"
#include "tests/packets/tables.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

Burst BurstOf(RingPort& wire, const packets::Bytes& frame, uint16_t count) {
  Burst burst;
  burst.count = count;
  for (uint16_t i = 0; i < count; ++i) burst.packet[i] = wire.MakePacket(frame);
  return burst;
}

TEST(BurstTest, TreatsEveryPacketOfTheCorpusAsTheCoreDoes) {
  RingPort wire;
  for (const packets::Case& c : packets::Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const packets::Tables tables(c.tables);
    const GenerationCounters counters(1024);
    Burst burst = BurstOf(wire, c.in, Burst::kPackets);
    ForwardBurst(tables.view(), &counters.flow(0), &burst);
    const lb_verdict verdict = lb_reason_verdict(c.reason);
    const bool sent = verdict == LB_FORWARD || verdict == LB_REPLY;
    EXPECT_EQ(burst.to_send_count, sent ? Burst::kPackets : 0);
    EXPECT_EQ(burst.other_count, sent ? 0 : Burst::kPackets);
    for (uint16_t i = 0; i < burst.to_send_count; ++i) {
      const rte_mbuf* packet = burst.packet[burst.to_send[i]];
      const uint8_t* data = rte_pktmbuf_mtod(packet, const uint8_t*);
      const packets::Bytes sent_frame(data, data + packet->data_len);
      ASSERT_TRUE(sent_frame == c.out) << packets::HexDump(sent_frame) << packets::HexDump(c.out);
      ASSERT_EQ(packet->pkt_len, packet->data_len);
    }
    for (uint16_t i = 0; i < burst.other_count; ++i) {
      ASSERT_EQ(burst.reason[burst.others[i]], c.reason);
    }
    rte_pktmbuf_free_bulk(burst.packet, burst.count);
  }
  EXPECT_EQ(wire.buffers_out(), 0u);
}

packets::Bytes SomeFrame(std::mt19937& random, const std::vector<packets::Case>& corpus) {
  packets::Conversation conversation = random() % 2 != 0 ? packets::kTo4 : packets::kTo6;
  conversation.client_port = static_cast<uint16_t>(random());
  packets::Bytes frame = random() % 2 != 0 ? packets::Ethernet({}, packets::TcpPacket(conversation))
                                           : corpus[random() % corpus.size()].in;
  packets::Mutate(random, frame);
  return frame;
}

// Plain packets and others side by side: none takes another's place, bytes or reason.
class MixedBurstTest : public testing::Test {
 protected:
  void ExpectAsTheCoreDoes(std::mt19937& random) {
    const packets::Tables tables(packets::WideScene());
    const GenerationCounters counters(1024);
    std::vector<packets::Outcome> expected;
    burst_->count = static_cast<uint16_t>(1 + random() % Burst::kPackets);
    for (uint16_t i = 0; i < burst_->count; ++i) {
      const packets::Bytes frame = SomeFrame(random, corpus_);
      expected.push_back(packets::RunNative(tables.view(), frame));
      burst_->packet[i] = wire_.MakePacket(frame);
    }
    ForwardBurst(tables.view(), &counters.flow(0), burst_.get());

    const std::span<const uint8_t> sent(burst_->to_send, burst_->to_send_count);
    EXPECT_TRUE(std::ranges::is_sorted(sent));
    for (const uint8_t at : sent) ASSERT_NO_FATAL_FAILURE(ExpectSent(at, expected[at]));
    for (uint16_t i = 0; i < burst_->other_count; ++i) {
      ASSERT_EQ(burst_->reason[burst_->others[i]], expected[burst_->others[i]].reason);
    }
    ASSERT_EQ(burst_->to_send_count + burst_->other_count, burst_->count);
    rte_pktmbuf_free_bulk(burst_->packet, burst_->count);
  }

  void ExpectSent(uint8_t at, const packets::Outcome& expected) {
    ASSERT_TRUE(expected.verdict == LB_FORWARD || expected.verdict == LB_REPLY);
    const rte_mbuf* packet = burst_->packet[at];
    const uint8_t* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    ASSERT_EQ(packets::HexDump({data, data + packet->data_len}), packets::HexDump(expected.out));
    ASSERT_EQ(packet->pkt_len, packet->data_len);
    ASSERT_EQ(burst_->decision[at].reason, expected.reason);
    if (expected.verdict != LB_FORWARD) return;
    ASSERT_EQ(burst_->decision[at].counter, expected.decision.counter);
    ASSERT_EQ(std::memcmp(&burst_->flow[at], &expected.flow, sizeof(lb_flow)), 0);
  }

  RingPort wire_;
  const std::vector<packets::Case> corpus_ = packets::Corpus();
  const std::unique_ptr<Burst> burst_ = std::make_unique<Burst>();
};

TEST_F(MixedBurstTest, TreatsEachPacketAsTheCoreDoes) {
  std::mt19937 random(TestSeed());
  for (int round = 0; round < 500; ++round) ASSERT_NO_FATAL_FAILURE(ExpectAsTheCoreDoes(random));
  EXPECT_EQ(wire_.buffers_out(), 0u);
}

TEST_F(MixedBurstTest, TreatsEachPacketAsTheCoreDoesWhereSomeAreSampled) {
  std::mt19937 random(TestSeed());
  const SampleMemory memory = *SampleMemory::Create(1);
  SetSampleRate(memory.ring(0), 100);
  burst_->sampler = Sampler(memory.ring(0), 1);
  std::vector<lb_sample> samples;
  for (int round = 0; round < 500; ++round) {
    ASSERT_NO_FATAL_FAILURE(ExpectAsTheCoreDoes(random));
    TakeSamples(memory.ring(0), &samples);
  }
  EXPECT_FALSE(samples.empty());
  EXPECT_EQ(wire_.buffers_out(), 0u);
}

// A plain packet's decision is written in part only: what else is there was there before.
TEST_F(MixedBurstTest, DecidesPlainPacketsInOneStep) {
  const packets::Tables tables(packets::Scene());
  const GenerationCounters counters(1024);
  burst_->count = 1;
  for (const bool plain : {true, false}) {
    burst_->decision[0].state = 0xee;
    burst_->packet[0] = wire_.MakePacket(packets::Ethernet(
        {}, packets::TcpPacket({}, {.ttl = static_cast<uint8_t>(plain ? 64 : 1)})));
    ForwardBurst(tables.view(), &counters.flow(0), burst_.get());
    EXPECT_EQ(burst_->to_send_count, plain ? 1 : 0);
    EXPECT_EQ(burst_->decision[0].state, plain ? 0xee : LB_SLOT_PURE);
    rte_pktmbuf_free(burst_->packet[0]);
  }
}

TEST(BurstTest, SendsThePacketsOfEveryStoryAndTracksItsFlowsAsTheCoreDoes) {
  RingPort wire;
  for (const packets::Story& story : packets::Stories()) {
    SCOPED_TRACE(story.name + ": " + story.why);
    const packets::Tables tables(story.tables);
    const GenerationCounters counters(1024);
    packets::NativeFlows core_flows(64), burst_flows(64);
    for (const packets::Step& step : story.steps) {
      const uint64_t now_ns = step.at_s * 1'000'000'000;
      const lb_view core_view = core_flows.Over(tables.view(), now_ns);
      const packets::Outcome expected = packets::RunNative(core_view, step.in);
      Burst burst = BurstOf(wire, step.in, 1);
      const lb_view view = burst_flows.Over(tables.view(), now_ns);
      ForwardBurst(view, &counters.flow(0), &burst);
      ASSERT_EQ(burst.to_send_count, 1);
      const uint8_t* data = rte_pktmbuf_mtod(burst.packet[0], const uint8_t*);
      EXPECT_EQ(packets::HexDump({data, data + burst.packet[0]->data_len}),
                packets::HexDump(expected.out));
      rte_pktmbuf_free(burst.packet[0]);
      ASSERT_EQ(std::memcmp(core_flows.buckets().data(), burst_flows.buckets().data(),
                            core_flows.buckets().size() * sizeof(lb_flow_bucket)),
                0);
    }
  }
}

}  // namespace
}  // namespace evenkeel
