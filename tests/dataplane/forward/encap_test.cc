#include "dataplane/forward/encap.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

// An adapter that made no room is told so, whichever encapsulation; nothing is written past the
// end.
TEST(EncapTest, TooLittleRoomIsADropAndNoOverrun) {
  const Tables tables(Scene());
  const Conversation to6{.client = kClient6, .vip = kVip6};
  for (const Bytes& frame : {Ethernet({}, TcpPacket({})), Ethernet({}, TcpPacket(to6))}) {
    lb_flow flow;
    lb_decision decision;
    const uint8_t* end = frame.data() + frame.size();
    ASSERT_EQ(lb_classify(&tables.view(), frame.data(), end, &flow), LB_FORWARD);
    ASSERT_EQ(lb_resolve(&tables.view(), frame.data(), end, &flow, &decision), LB_FORWARD);
    const size_t needed = 14 + lb_outer_length(&decision) + (flow.family == LB_IPV4 ? 20 : 40);
    for (size_t room = 0; room < needed; room++) {
      const std::unique_ptr<uint8_t[]> small(new uint8_t[room]);
      lb_decision copy = decision;
      ASSERT_EQ(lb_apply(&tables.view(), small.get(), small.get() + room, &flow, &copy), LB_DROP)
          << room;
      ASSERT_EQ(copy.reason, LB_REASON_no_headroom);
    }
  }
}

TEST(EncapTest, OuterSourceAndFlowLabelVaryWithTheFlow) {
  TablesSpec spec = Scene();
  spec.encap_source4 = "10.0.0.0/24";
  spec.encap_source6 = "fd00::/64";
  const Tables tables(spec);
  std::set<uint8_t> sources4;
  std::set<Bytes> sources6, labels;
  for (uint16_t port = 1; port <= 2000; port++) {
    const Bytes out4 = RunNative(tables.view(), Ethernet({}, TcpPacket({.client_port = port}))).out;
    EXPECT_EQ(Bytes(out4.begin() + 26, out4.begin() + 29), (Bytes{10, 0, 0}));
    sources4.insert(out4[29]);
    const Conversation to6{.client = kClient6, .vip = kVip6, .client_port = port};
    const Bytes out6 = RunNative(tables.view(), Ethernet({}, TcpPacket(to6))).out;
    sources6.insert(Bytes(out6.begin() + 22, out6.begin() + 38));
    labels.insert(Bytes(out6.begin() + 15, out6.begin() + 18));
  }
  EXPECT_GT(sources4.size(), 250u);
  EXPECT_GT(sources6.size(), 1990u);
  EXPECT_GT(labels.size(), 1990u);
}

TEST(EncapTest, APacketOfAFlowAlwaysGetsTheSameOuterSource) {
  TablesSpec spec = Scene();
  spec.encap_source4 = "10.0.0.0/16";
  const Tables tables(spec);
  const Bytes first = RunNative(tables.view(), Ethernet({}, TcpPacket({}, {}, kTcpSyn))).out;
  const Bytes later = RunNative(tables.view(), Ethernet({}, TcpPacket({}, {.ttl = 9}))).out;
  EXPECT_EQ(Bytes(first.begin() + 26, first.begin() + 34),
            Bytes(later.begin() + 26, later.begin() + 34));
}

}  // namespace
}  // namespace evenkeel::packets
