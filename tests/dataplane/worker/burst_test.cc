// The corpus through the worker's stages, a burst at a time: the same bytes as the core alone
// gives.
#include "dataplane/worker/burst.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
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

// Plain packets and others side by side: none takes another's place, bytes or reason.
TEST(BurstTest, TreatsMixedBurstsAsTheCoreDoes) {
  std::mt19937 random(TestSeed());
  RingPort wire;
  const std::vector<packets::Case> corpus = packets::Corpus();
  const packets::Tables tables(packets::Scene());
  const GenerationCounters counters(1024);
  const auto burst = std::make_unique<Burst>();
  for (int round = 0; round < 500; ++round) {
    std::vector<packets::Outcome> expected;
    burst->count = static_cast<uint16_t>(1 + random() % Burst::kPackets);
    for (uint16_t i = 0; i < burst->count; ++i) {
      packets::Bytes frame = random() % 2 != 0 ? packets::Ethernet({}, packets::TcpPacket({}))
                                               : corpus[random() % corpus.size()].in;
      packets::Mutate(random, frame);
      expected.push_back(packets::RunNative(tables.view(), frame));
      burst->packet[i] = wire.MakePacket(frame);
    }
    ForwardBurst(tables.view(), &counters.flow(0), burst.get());

    std::vector<uint8_t> order;
    for (uint16_t i = 0; i < burst->to_send_count; ++i) {
      const uint8_t at = burst->to_send[i];
      order.push_back(at);
      const packets::Outcome& outcome = expected[at];
      ASSERT_TRUE(outcome.verdict == LB_FORWARD || outcome.verdict == LB_REPLY);
      const uint8_t* data = rte_pktmbuf_mtod(burst->packet[at], const uint8_t*);
      ASSERT_EQ(packets::HexDump({data, data + burst->packet[at]->data_len}),
                packets::HexDump(outcome.out));
      ASSERT_EQ(burst->packet[at]->pkt_len, burst->packet[at]->data_len);
      ASSERT_EQ(burst->decision[at].reason, outcome.reason);
      if (outcome.verdict == LB_FORWARD) {
        ASSERT_EQ(burst->decision[at].counter, outcome.decision.counter);
      }
    }
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    for (uint16_t i = 0; i < burst->other_count; ++i) {
      ASSERT_EQ(burst->reason[burst->others[i]], expected[burst->others[i]].reason);
    }
    ASSERT_EQ(burst->to_send_count + burst->other_count, burst->count);
    rte_pktmbuf_free_bulk(burst->packet, burst->count);
  }
  EXPECT_EQ(wire.buffers_out(), 0u);
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
