// Which ports may serve several workers, and what is said about the others.
#include "dataplane/port/spread.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <string>

namespace evenkeel {
namespace {

constexpr uint64_t kAllOfIp = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

std::string Refusal(const SpreadFacts& facts, uint16_t queues) {
  return std::string(ChooseSpread(facts, queues).status().message());
}

TEST(SpreadTest, AsksAHardwarePortForWhatItCanHash) {
  const auto spread = ChooseSpread({"net_virtio", 4, kAllOfIp | RTE_ETH_RSS_L2_PAYLOAD}, 4);
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_EQ(spread->rss_types & RTE_ETH_RSS_L2_PAYLOAD, 0u);
  EXPECT_TRUE(HashesPorts(spread->rss_types));
  EXPECT_NE(spread->how.find("ipv4-tcp"), std::string::npos);
}

TEST(SpreadTest, NamesTheKernelsFanOut) {
  const auto spread = ChooseSpread({"net_af_packet", 2, 0}, 2);
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_EQ(spread->how, "kernel fan-out by flow hash (PACKET_FANOUT_HASH)");
}

TEST(SpreadTest, OneQueueNeedsNoHash) {
  const auto spread = ChooseSpread({"net_e1000_em", 1, 0}, 1);
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_EQ(spread->rss_types, 0u);
  EXPECT_EQ(spread->how, "one queue");
}

TEST(SpreadTest, RefusesManyQueuesWithoutRss) {
  EXPECT_NE(Refusal({"net_vmxnet3", 8, 0}, 2).find("cannot spread packets"), std::string::npos);
  EXPECT_NE(Refusal({"net_virtio", 8, 0}, 2).find("rss=on"), std::string::npos);
}

TEST(SpreadTest, RefusesMoreQueuesThanThePortHas) {
  EXPECT_NE(Refusal({"net_af_packet", 1, 0}, 2).find("qpairs=N"), std::string::npos);
  EXPECT_NE(Refusal({"net_ixgbe", 4, kAllOfIp}, 5).find("has 4"), std::string::npos);
}

// net_null says that it can do RSS, and hashes nothing.
TEST(SpreadTest, DoesNotBelieveSoftwarePortsThatClaimRss) {
  const auto spread = ChooseSpread({"net_null", 16, kAllOfIp}, 4);
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_EQ(spread->rss_types, 0u);
}

TEST(SpreadTest, TellsWhereOnlyAddressesAreHashed) {
  EXPECT_FALSE(HashesPorts(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6));
  EXPECT_EQ(RssTypeNames(0), "none");
}

}  // namespace
}  // namespace evenkeel
