// Which packets for the kernel have a budget of their own, and that a budget holds.
#include "dataplane/worker/punt.h"

#include <gtest/gtest.h>

#include "dataplane/forward/forward.h"
#include "tests/packets/builder.h"
#include "tests/packets/scene.h"

namespace evenkeel {
namespace {

using packets::Bytes;

PuntClass ClassOf(const Bytes& frame) {
  const packets::Tables tables(packets::Scene());
  lb_flow flow;
  EXPECT_EQ(lb_classify(&tables.view(), frame.data(), frame.data() + frame.size(), &flow), LB_PASS);
  return ClassifyPunt(frame.data(), frame.data() + frame.size(), flow);
}

// To the node itself, which is no VIP.
Bytes ToNode(uint8_t protocol, const Bytes& payload, bool ipv6 = false) {
  return packets::Ethernet({},
                           packets::Ip({.source = ipv6 ? packets::kClient6 : packets::kClient4,
                                        .destination = ipv6 ? packets::kSource6 : packets::kSource4,
                                        .protocol = protocol},
                                       payload));
}

TEST(PuntClassTest, ArpAndNeighbourDiscovery) {
  EXPECT_EQ(ClassOf(packets::Ethernet({.type = packets::kTypeArp}, packets::Counting(46))),
            PuntClass::kNeighbour);
  const Bytes solicitation =
      packets::Icmp({.source = packets::kClient6, .destination = packets::kSource6, .type = 135});
  EXPECT_EQ(ClassOf(ToNode(packets::kIcmpv6, solicitation, true)), PuntClass::kNeighbour);
  const Bytes echo =
      packets::Icmp({.source = packets::kClient6, .destination = packets::kSource6, .type = 128});
  EXPECT_EQ(ClassOf(ToNode(packets::kIcmpv6, echo, true)), PuntClass::kOther);
}

TEST(PuntClassTest, RoutingAndManagement) {
  EXPECT_EQ(ClassOf(ToNode(packets::kTcp, packets::Tcp({.destination_port = 179}))),
            PuntClass::kRouting);
  EXPECT_EQ(ClassOf(ToNode(packets::kTcp, packets::Tcp({.source_port = 179}))),
            PuntClass::kRouting);
  EXPECT_EQ(ClassOf(ToNode(packets::kTcp, packets::Tcp({.destination_port = 22}), true)),
            PuntClass::kManagement);
  EXPECT_EQ(ClassOf(ToNode(packets::kUdp, packets::Udp({.destination_port = 3784}))),
            PuntClass::kRouting);
  EXPECT_EQ(ClassOf(ToNode(packets::kTcp, packets::Tcp({.destination_port = 8080}))),
            PuntClass::kOther);
}

TEST(PuntClassTest, WhatGoesToAVipIsNeverTheNodesOwn) {
  const Bytes bgp_to_vip = packets::Ethernet({}, packets::TcpPacket({.vip_port = 179}));
  EXPECT_EQ(ClassOf(bgp_to_vip), PuntClass::kOther);
}

TEST(PuntClassTest, AFrameThatEndsBehindItsIpHeader) {
  Bytes frame = ToNode(packets::kTcp, packets::Tcp({.destination_port = 179}));
  frame.resize(14 + 20 + 2);
  EXPECT_EQ(ClassOf(frame), PuntClass::kOther);
}

TEST(TokenBucketTest, BoundsNothingUntilItIsSet) {
  TokenBucket bucket;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bucket.Take(0));
}

TEST(TokenBucketTest, AllowsTheBurstThenTheRate) {
  constexpr uint64_t kHz = 1'000'000'000;
  TokenBucket bucket(kHz, /*packets_per_second=*/1000, /*burst=*/10);
  uint64_t now = 5 * kHz;
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bucket.Take(now);
  EXPECT_EQ(taken, 10);
  taken = 0;
  for (int i = 0; i < 10'000; ++i) taken += bucket.Take(now += kHz / 10'000);  // one second
  EXPECT_NEAR(taken, 1000, 1);
}

}  // namespace
}  // namespace evenkeel
