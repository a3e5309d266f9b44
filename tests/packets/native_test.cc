// The corpus through the core in this process.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "dataplane/forward/reason_name.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"
#include "tests/packets/stories.h"
#include "tests/packets/virtual_time.h"

namespace evenkeel::packets {
namespace {

TEST(CorpusTest, NativeCoreGivesReasonAndBytesOfEveryCase) {
  for (const Case& c : Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const Tables tables(c.tables);
    const Outcome outcome = RunNative(tables.view(), c.in);
    EXPECT_STREQ(lb_reason_name(outcome.reason), lb_reason_name(c.reason));
    EXPECT_EQ(outcome.verdict, lb_reason_verdict(c.reason));
    EXPECT_EQ(HexDump(outcome.out), HexDump(c.out));
    EXPECT_EQ((outcome.flow.flags & LB_FLOW_NEW) != 0, c.new_flow);
  }
}

TEST(StoriesTest, NativeCoreSendsEveryPacketWhereTheStorySays) {
  for (const Story& story : Stories()) {
    SCOPED_TRACE(story.name + ": " + story.why);
    const Tables tables(story.tables);
    NativeFlows flows(64);
    uint64_t now_s = 0;
    for (const Step& step : story.steps) {
      SCOPED_TRACE(testing::Message() << "step " << &step - story.steps.data());
      now_s = step.at_s;
      const lb_view view = flows.Over(tables.view(), now_s * 1'000'000'000);
      const Outcome outcome = RunNative(view, step.in);
      ASSERT_EQ(outcome.reason, LB_REASON_none);
      Address address;
      const lb_backend& backend = tables.backends()[outcome.decision.backend];
      std::copy(std::begin(backend.address), std::end(backend.address), address.begin());
      EXPECT_EQ(address, ParseAddress(step.to))
          << "went to " << HexDump(Bytes(address.begin(), address.end()));
    }
    uint64_t counts[LB_ENTRY_CLASSES] = {};
    const uint32_t tick = lb_tick_of(now_s * 1'000'000'000);
    for (const auto& [place, flow] : LivingFlows(flows.buckets(), tick, tables)) {
      ++counts[std::get<2>(flow) & 3];
    }
    EXPECT_EQ(counts[LB_ENTRY_PENDING], story.pending);
    EXPECT_EQ(counts[LB_ENTRY_MISS], story.miss_made);
    EXPECT_EQ(counts[LB_ENTRY_FIRM], story.firm);
  }
}

TEST(StoriesTest, WithoutAFlowTableEveryPacketGoesToTheNewOwner) {
  const Tables tables(MovedTables());
  for (uint8_t flags : {kTcpSyn, kTcpAck}) {
    const Outcome outcome = RunNative(tables.view(), Ethernet({}, TcpPacket({}, {}, flags)));
    EXPECT_EQ(outcome.decision.backend, 1);
    EXPECT_EQ(outcome.decision.previous, 0);
  }
}

TEST(StoriesTest, AtRestNothingIsLookedUpOrTracked) {
  const Tables tables(Scene());
  NativeFlows flows(2);
  for (uint16_t port = 1; port < 200; port++) {
    for (uint8_t flags : {kTcpSyn, kTcpAck, kTcpRst}) {
      const lb_view view = flows.Over(tables.view(), 1'000'000'000);
      RunNative(view, Ethernet({}, TcpPacket({.client_port = port}, {}, flags)));
    }
  }
  const lb_flow_head none{};
  EXPECT_EQ(std::memcmp(&flows.head(), &none, sizeof(none)), 0);
}

TEST(CorpusTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const Case& c : Corpus()) EXPECT_TRUE(names.insert(c.name).second) << c.name;
  for (const Story& story : Stories()) EXPECT_TRUE(names.insert(story.name).second) << story.name;
}

// The others come from adapters, or (table_fault, no_headroom) from a fault of ours; no_image needs
// a view without tables: see decide_test.
TEST(CorpusTest, EveryReasonOfTheCoreHasACase) {
  std::set<lb_reason> seen;
  for (const Case& c : Corpus()) seen.insert(c.reason);
  for (int reason = 0; reason < LB_REASON_COUNT; reason++) {
    switch (reason) {
      case LB_REASON_no_image:
      case LB_REASON_too_big_untold:
      case LB_REASON_no_headroom:
      case LB_REASON_not_linear:
      case LB_REASON_tx_full:
      case LB_REASON_tap_full:
      case LB_REASON_table_fault:
        break;
      default:
        EXPECT_TRUE(seen.count(static_cast<lb_reason>(reason))) << lb_reason_name(reason);
    }
  }
}

}  // namespace
}  // namespace evenkeel::packets
