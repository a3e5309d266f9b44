// Bytes of the kernel's neighbour messages.
#include "dataplane/neighbour/neighbour_message.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <vector>

namespace evenkeel {
namespace {

// A message with room for attributes behind it.
struct Message {
  alignas(8) std::byte bytes[256] = {};

  Message(uint16_t type, uint8_t family, uint16_t state) {
    header().nlmsg_type = type;
    header().nlmsg_len = NLMSG_LENGTH(sizeof(ndmsg));
    neighbour().ndm_family = family;
    neighbour().ndm_ifindex = 3;
    neighbour().ndm_state = state;
  }
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes); }
  ndmsg& neighbour() { return *static_cast<ndmsg*>(NLMSG_DATA(&header())); }
  Message& Add(uint16_t type, const std::vector<uint8_t>& value) {
    rtattr head{static_cast<uint16_t>(RTA_LENGTH(value.size())), type};
    std::byte* end = bytes + NLMSG_ALIGN(header().nlmsg_len);
    std::memcpy(end, &head, sizeof(head));
    std::memcpy(end + RTA_LENGTH(0), value.data(), value.size());
    header().nlmsg_len = NLMSG_ALIGN(header().nlmsg_len) + RTA_ALIGN(head.rta_len);
    return *this;
  }
};

Message Usable() {
  Message message(RTM_NEWNEIGH, AF_INET, NUD_STALE);
  return message.Add(NDA_DST, {10, 0, 0, 1}).Add(NDA_LLADDR, {2, 0, 0, 0, 0, 9});
}

TEST(NeighbourMessageTest, ReadsAddressAndMac) {
  Message message = Usable();
  const auto event = ParseNeighbour(message.header());
  ASSERT_TRUE(event);
  EXPECT_EQ(AddressText(event->address), "10.0.0.1");
  EXPECT_EQ(event->interface_index, 3);
  EXPECT_EQ(event->state, NeighbourState::kUsable);
  ASSERT_TRUE(event->mac);
  EXPECT_EQ((*event->mac)[5], 9);
  EXPECT_FALSE(event->deleted);
}

TEST(NeighbourMessageTest, TellsStatesApart) {
  Message failed(RTM_NEWNEIGH, AF_INET, NUD_FAILED);
  failed.Add(NDA_DST, {10, 0, 0, 1});
  EXPECT_EQ(ParseNeighbour(failed.header())->state, NeighbourState::kUnreachable);
  Message incomplete(RTM_NEWNEIGH, AF_INET, NUD_INCOMPLETE);
  incomplete.Add(NDA_DST, {10, 0, 0, 1});
  EXPECT_EQ(ParseNeighbour(incomplete.header())->state, NeighbourState::kResolving);
  Message deleted = Usable();
  deleted.header().nlmsg_type = RTM_DELNEIGH;
  EXPECT_TRUE(ParseNeighbour(deleted.header())->deleted);
}

TEST(NeighbourMessageTest, IgnoresProxiesOtherFamiliesAndOtherMessages) {
  Message proxy = Usable();
  proxy.neighbour().ndm_flags = NTF_PROXY;
  EXPECT_FALSE(ParseNeighbour(proxy.header()));
  Message bridge = Usable();
  bridge.neighbour().ndm_family = AF_BRIDGE;
  EXPECT_FALSE(ParseNeighbour(bridge.header()));
  Message link = Usable();
  link.header().nlmsg_type = RTM_NEWLINK;
  EXPECT_FALSE(ParseNeighbour(link.header()));
}

TEST(NeighbourMessageTest, SurvivesLengthsThatLie) {
  for (uint32_t length = 0; length < 60; ++length) {
    Message message = Usable();
    message.header().nlmsg_len = length;
    ParseNeighbour(message.header());
  }
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    Message message = Usable();
    message.bytes[16 + random() % 40] = static_cast<std::byte>(random());
    ParseNeighbour(message.header());
  }
}

TEST(NeighbourMessageTest, AsksAsIfAPacketWereWaiting) {
  const std::vector<std::byte> bytes = UseRequest(7, 3, MapIpv4({10, 0, 0, 1}));
  alignas(8) std::byte copy[128];
  std::memcpy(copy, bytes.data(), bytes.size());
  const nlmsghdr& header = *reinterpret_cast<const nlmsghdr*>(copy);
  ASSERT_EQ(header.nlmsg_len, bytes.size());
  EXPECT_EQ(header.nlmsg_type, RTM_NEWNEIGH);
  EXPECT_EQ(static_cast<const ndmsg*>(NLMSG_DATA(&header))->ndm_flags, NTF_USE);
  EXPECT_EQ(AddressText(ParseNeighbour(header)->address), "10.0.0.1");
}

}  // namespace
}  // namespace evenkeel
