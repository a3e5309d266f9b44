// The program's filter of recent UDP flows against the worker's: the same answers for the same
// flows and times.
#include "bpf/recent_flows.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "dataplane/worker/recent_flows.h"

namespace evenkeel {
namespace {

TEST(RecentFlowsTest, BothPlanesCountTheSameFlowsAsNew) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  ASSERT_EQ(RecentFlows::kBuckets, LB_RECENT_BUCKETS);
  ASSERT_EQ(RecentFlows::kWays, LB_RECENT_WAYS);
  ASSERT_EQ(RecentFlows::kPeriodSeconds * 1'000'000'000, LB_RECENT_PERIOD_NS);
  RecentFlows worker;
  std::vector<lb_recent_bucket> program(LB_RECENT_BUCKETS);
  uint64_t period = random() % 1000;
  for (int i = 0; i < 2'000'000; ++i) {
    lb_flow flow{};
    // Few enough hashes and ports that flows come again, and that buckets are full.
    flow.hash = (random() % 64) * LB_RECENT_BUCKETS + (random() % 1024) * 0x100000001ull;
    flow.source_port = static_cast<uint16_t>(random() % 4);
    flow.destination_port = 53;
    const uint64_t signature = lb_recent_signature(&flow);
    ASSERT_EQ(signature, RecentFlows::Signature(flow));
    ASSERT_EQ(lb_recent_is_new(&program[signature % LB_RECENT_BUCKETS], signature, period) != 0,
              worker.IsNew(signature, period));
    if (random() % 50000 == 0) period += random() % 35;
  }
}

}  // namespace
}  // namespace evenkeel
