// The filter behind `new_flows` of UDP.
#include "dataplane/worker/recent_flows.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

uint64_t SignatureOf(uint64_t flow) {
  lb_flow packet{};
  packet.hash = flow * 0x9e3779b97f4a7c15ull;
  return RecentFlows::Signature(packet);
}

TEST(RecentFlowsTest, AFlowIsNewOnce) {
  RecentFlows flows;
  EXPECT_TRUE(flows.IsNew(SignatureOf(1), 100));
  EXPECT_FALSE(flows.IsNew(SignatureOf(1), 100));
  EXPECT_FALSE(flows.IsNew(SignatureOf(1), 101));
  EXPECT_FALSE(flows.IsNew(SignatureOf(1), 102));  // it spoke in 101
}

TEST(RecentFlowsTest, AFlowThatWasSilentForTwoPeriodsIsNewAgain) {
  RecentFlows flows;
  EXPECT_TRUE(flows.IsNew(SignatureOf(1), 100));
  EXPECT_TRUE(flows.IsNew(SignatureOf(1), 102));
}

TEST(RecentFlowsTest, PortsTellFlowsOfOneClientApart) {
  lb_flow one{};
  one.hash = 42;  // affinity: client
  one.source_port = 1000;
  lb_flow other = one;
  other.source_port = 1001;
  RecentFlows flows;
  EXPECT_TRUE(flows.IsNew(RecentFlows::Signature(one), 1));
  EXPECT_TRUE(flows.IsNew(RecentFlows::Signature(other), 1));
  EXPECT_FALSE(flows.IsNew(RecentFlows::Signature(one), 1));
}

TEST(RecentFlowsTest, KeepsFiftyThousandFlowsApartInBoundedMemory) {
  RecentFlows flows;
  uint64_t first = 0;
  uint64_t again = 0;
  for (uint64_t i = 0; i < 50'000; ++i) first += flows.IsNew(SignatureOf(i), 7);
  for (uint64_t i = 0; i < 50'000; ++i) again += flows.IsNew(SignatureOf(i), 7);
  EXPECT_GE(first, 49'990u);  // a pair in 2^27 may look alike
  EXPECT_LE(again, 2'500u);   // displaced from a full bucket: under 5 %
}

}  // namespace
}  // namespace evenkeel
