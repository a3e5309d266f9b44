// The corpus through the worker's stages, a burst at a time: the same bytes as the core alone
// gives.
#include "dataplane/worker/burst.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"
#include "tests/packets/stories.h"
#include "tests/packets/tables.h"

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
