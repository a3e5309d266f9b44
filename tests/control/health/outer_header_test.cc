#include "control/health/outer_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "control/health/inner_packet.h"

namespace evenkeel {
namespace {

IpAddress Address(absl::string_view text) { return *IpAddress::Parse(text); }

Network Sources(absl::string_view ipv4, absl::string_view ipv6) {
  Network network;
  network.encap_source = {.ipv4 = *IpPrefix::Parse(ipv4), .ipv6 = *IpPrefix::Parse(ipv6)};
  return network;
}

// The outer header in front of an echo request from 10.0.0.10 or fd00::10.
std::vector<uint8_t> Outer(const Network& network, absl::string_view backend, uint32_t varying,
                           absl::string_view vip) {
  const IpAddress to = Address(vip);
  uint8_t room[OuterHeader::kRoom + kInnerEchoMax];
  const absl::Span<uint8_t> packet = absl::MakeSpan(room).subspan(OuterHeader::kRoom);
  const size_t inner =
      WriteInnerEcho(Address(to.is_ipv4() ? "10.0.0.10" : "fd00::10"), to, EchoMessage{}, packet);
  const size_t outer = OuterHeader(network).Write(Address(backend), varying, packet.first(inner));
  return {packet.data() - outer, packet.data()};
}

TEST(OuterHeaderTest, Ipip) {
  EXPECT_THAT(Outer(Sources("10.0.0.10", "fd00::10"), "10.0.1.11", 0, "203.0.113.10"),
              testing::ElementsAre(0x45, 0, 0, 64, 0, 0, 0x40, 0, 64, 4, 0x25, 0xa6, 10, 0, 0, 10,
                                   10, 0, 1, 11));
}

TEST(OuterHeaderTest, NamesWhatIsInside) {
  const Network network = Sources("10.0.0.10", "fd00::10");
  EXPECT_EQ(Outer(network, "10.0.1.11", 0, "2001:db8::1")[9], 41);
  EXPECT_EQ(Outer(network, "fd00::1:1", 0, "203.0.113.10")[6], 4);
  EXPECT_EQ(Outer(network, "fd00::1:1", 0, "2001:db8::1")[6], 41);
}

TEST(OuterHeaderTest, TheSourceVariesWithinItsPrefix) {
  const Network network = Sources("10.0.16.0/20", "fd00::/64");
  const std::vector<uint8_t> a = Outer(network, "10.0.1.11", 0x01020304, "203.0.113.10");
  const std::vector<uint8_t> b = Outer(network, "10.0.1.11", 0x05060708, "203.0.113.10");
  EXPECT_NE(std::vector(a.begin() + 12, a.begin() + 16),
            std::vector(b.begin() + 12, b.begin() + 16));
  for (const auto& header : {a, b}) {
    IpAddress::Bytes source{};
    source[10] = source[11] = 0xff;
    std::copy_n(header.begin() + 12, 4, source.begin() + 12);
    EXPECT_TRUE(IpPrefix::Parse("10.0.16.0/20")->Contains(IpAddress(source)));
  }
}

TEST(OuterHeaderTest, RefusesWhatIsNoIp) {
  uint8_t room[OuterHeader::kRoom + 20]{};
  EXPECT_EQ(OuterHeader(Network{}).Write(Address("10.0.1.11"), 0,
                                         absl::MakeSpan(room).subspan(OuterHeader::kRoom)),
            0u);
}

TEST(InnerPacketTest, TellsWhoseAPacketIs) {
  std::vector<uint8_t> packet(40);
  packet[0] = 0x45;
  packet[9] = 6;
  packet[20] = 0x12;
  packet[21] = 0x34;
  const std::optional<InnerFlow> flow = FlowOf(packet);
  ASSERT_TRUE(flow.has_value());
  EXPECT_TRUE(flow->ipv4);
  EXPECT_EQ(flow->protocol, 6);
  EXPECT_EQ(flow->source_port, 0x1234);
  packet[9] = 1;
  EXPECT_FALSE(FlowOf(packet).has_value());
  packet[0] = 0x60;  // too short for its ports
  packet[6] = 17;
  EXPECT_FALSE(FlowOf(packet).has_value());
  EXPECT_FALSE(FlowOf({}).has_value());
}

}  // namespace
}  // namespace evenkeel
