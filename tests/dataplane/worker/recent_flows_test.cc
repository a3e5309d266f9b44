// The filter behind `new_flows` of UDP.
#include "dataplane/worker/recent_flows.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "tests/support/seed.h"

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

// What IsNew() does, cell by cell, for one bucket after another.
class Model {
 public:
  bool IsNew(uint64_t signature, uint64_t period) {
    auto& bucket = buckets_[signature % RecentFlows::kBuckets];
    const uint32_t mark = static_cast<uint32_t>(signature >> 32) >> 5;
    Cell* oldest = nullptr;
    for (Cell& cell : bucket) {
      if (cell.used && period - cell.period <= 1 && cell.mark == mark) {
        cell.period = period;
        return false;
      }
      if (oldest == nullptr || Age(cell, period) > Age(*oldest, period)) oldest = &cell;
    }
    *oldest = {true, mark, period};
    return true;
  }

 private:
  struct Cell {
    bool used = false;
    uint32_t mark = 0;
    uint64_t period = 0;
  };
  static uint64_t Age(const Cell& cell, uint64_t period) {
    return cell.used ? period - cell.period : UINT64_MAX;
  }
  std::map<uint64_t, std::array<Cell, RecentFlows::kWays>> buckets_;
};

TEST(RecentFlowsTest, DisplacesTheFirstOfTheOldest) {
  RecentFlows flows;
  Model model;
  std::mt19937_64 random(TestSeed());
  uint64_t period = 1'000'000;
  for (int i = 0; i < 200'000; ++i) {
    // Few buckets and marks, so that cells are found, displaced and left alone alike; and no more
    // periods than a cell can tell apart.
    const uint64_t signature = random() % 4 | (random() % 24) << 40;
    if (i % 10'000 == 0) ++period;
    ASSERT_EQ(flows.IsNew(signature, period), model.IsNew(signature, period)) << "packet " << i;
  }
}

}  // namespace
}  // namespace evenkeel
