// What the corpus cannot see from outside: offsets, lengths, flags. Reasons and bytes are the
// corpus'.
#include "dataplane/forward/parse.h"

#include <gtest/gtest.h>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

class ParseTest : public testing::Test {
 protected:
  lb_flow Flow(const Bytes& frame) { return RunNative(tables_.view(), frame).flow; }
  const Tables tables_{Scene()};
  const Conversation to4_{};
  const Conversation to6_{.client = kClient6, .vip = kVip6};
};

TEST_F(ParseTest, ReportsOffsetsLengthsAndFieldsOfIpv4) {
  const lb_flow flow = Flow(Ethernet(
      {.tags = {{}}, .padding = 9},
      TcpPacket(to4_, {.ttl = 9, .tos = 0x2e, .options = Bytes(8, 1)}, kTcpSyn, Counting(5))));
  EXPECT_EQ(flow.family, LB_IPV4);
  EXPECT_EQ(flow.l3_offset, 18);
  EXPECT_EQ(flow.l4_offset, 18 + 28);
  EXPECT_EQ(flow.ip_length, 28 + 20 + 5);
  EXPECT_EQ(flow.protocol, LB_PROTOCOL_TCP);
  EXPECT_EQ(flow.transport, LB_TCP);
  EXPECT_EQ(flow.source_port, LB_NET16(40000));
  EXPECT_EQ(flow.destination_port, LB_NET16(80));
  EXPECT_EQ(flow.ttl, 9);
  EXPECT_EQ(flow.tos, 0x2e);
  EXPECT_EQ(flow.flags, LB_FLOW_NEW | LB_FLOW_HAS_PORTS | LB_FLOW_DONT_FRAGMENT);
}

TEST_F(ParseTest, ReportsOffsetsLengthsAndFieldsOfIpv6) {
  Bytes payload = Extension(kTcp, Counting(14));
  Put(payload, Tcp({.source = kClient6, .destination = kVip6}));
  const lb_flow flow = Flow(Ethernet(
      {}, Ip({.source = kClient6, .destination = kVip6, .protocol = 60, .ttl = 7, .tos = 0xb9},
             payload)));
  EXPECT_EQ(flow.family, LB_IPV6);
  EXPECT_EQ(flow.l3_offset, 14);
  EXPECT_EQ(flow.l4_offset, 14 + 40 + 16);
  EXPECT_EQ(flow.ip_length, 40 + 16 + 20);
  EXPECT_EQ(flow.protocol, LB_PROTOCOL_TCP);
  EXPECT_EQ(flow.ttl, 7);
  EXPECT_EQ(flow.tos, 0xb9);
  EXPECT_EQ(flow.flags, LB_FLOW_HAS_PORTS | LB_FLOW_DONT_FRAGMENT);
}

TEST_F(ParseTest, DontFragmentOfIpv4IsThePackets) {
  EXPECT_FALSE(Flow(Ethernet({}, TcpPacket(to4_, {.flags_offset = 0}))).flags &
               LB_FLOW_DONT_FRAGMENT);
}

TEST_F(ParseTest, OnlyASynWithoutAckIsNew) {
  for (int flags = 0; flags < 256; flags++) {
    const lb_flow flow = Flow(Ethernet({}, TcpPacket(to4_, {}, static_cast<uint8_t>(flags))));
    EXPECT_EQ((flow.flags & LB_FLOW_NEW) != 0, (flags & (kTcpSyn | kTcpAck)) == kTcpSyn) << flags;
  }
}

TEST_F(ParseTest, PassedPacketStillTellsItsFamilyAndProtocol) {
  const Conversation none{.vip = ParseAddress("203.0.113.9")};
  const lb_flow flow = Flow(Ethernet({}, TcpPacket(none)));
  EXPECT_EQ(flow.reason, LB_REASON_no_service);
  EXPECT_EQ(flow.l3_offset, 14);
  EXPECT_EQ(flow.family, LB_IPV4);
  EXPECT_EQ(flow.protocol, LB_PROTOCOL_TCP);
  EXPECT_EQ(flow.service, LB_NONE);
}

}  // namespace
}  // namespace evenkeel::packets
