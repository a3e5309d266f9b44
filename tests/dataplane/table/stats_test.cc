#include "dataplane/table/stats.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

StatsSnapshot Sample() {
  StatsSnapshot snapshot;
  snapshot.generation = 5;
  snapshot.received = 100;
  snapshot.digest[3] = 9;
  snapshot.reasons = {90, 0, 10};
  snapshot.flows = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}};
  snapshot.workers = {{0, 1, 50, 45, 3, 2, 1, 5}};
  lb_flow_head head{};
  head.occupied[LB_ENTRY_FIRM] = 12;
  head.occupied[LB_ENTRY_PENDING] = 4;
  head.refused[LB_REFUSED_QUOTA] = 3;
  head.expired = 5;
  head.taken_outside[LB_ENTRY_FIRM] = 2;
  snapshot.flow_tables = {FlowTableCount::Of(1, 1024, head)};
  snapshot.alarms = {"worker 1 hangs", "", "disk full"};
  snapshot.port_info = "net_ring, 2 queues";
  return snapshot;
}

std::vector<std::byte> Encoded(const StatsSnapshot& snapshot) {
  std::vector<std::byte> bytes(EncodedSize(snapshot) + 4096);
  EncodeStats(snapshot, bytes);
  return bytes;
}

TEST(StatsTest, RoundTripKeepsEverything) {
  const StatsSnapshot in = Sample();
  const absl::StatusOr<StatsSnapshot> out = DecodeStats(Encoded(in));
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->generation, 5u);
  EXPECT_EQ(out->digest, in.digest);
  EXPECT_EQ(out->reasons, in.reasons);
  ASSERT_EQ(out->flows.size(), 2u);
  EXPECT_EQ(out->flows[1].new_flows, 10u);
  EXPECT_EQ(out->workers[0].generation, 5u);
  ASSERT_EQ(out->flow_tables.size(), 1u);
  EXPECT_EQ(out->flow_tables[0].table, 1u);
  EXPECT_EQ(out->flow_tables[0].entries, 1024u);
  EXPECT_EQ(out->flow_tables[0].flows, 14u);
  EXPECT_EQ(out->flow_tables[0].occupied[LB_ENTRY_FIRM], 10u) << "without what control has freed";
  EXPECT_EQ(out->flow_tables[0].occupied[LB_ENTRY_PENDING], 4u);
  EXPECT_EQ(out->flow_tables[0].refused[LB_REFUSED_QUOTA], 3u);
  EXPECT_EQ(out->flow_tables[0].expired, 7u);
  EXPECT_EQ(out->alarms, in.alarms);
  EXPECT_EQ(out->port_info, in.port_info);
}

TEST(StatsTest, AFlowFreedByBothSidesAtOnceIsNotCountedBelowNone) {
  lb_flow_head head{};
  head.taken_outside[LB_ENTRY_MISS] = 2;
  EXPECT_EQ(FlowTableCount::Of(0, 1024, head).flows, 0u);
  EXPECT_EQ(FlowTableCount::Of(0, 1024, head).occupied[LB_ENTRY_MISS], 0u);
}

TEST(StatsTest, EmptySnapshotIsOne) { EXPECT_TRUE(DecodeStats(Encoded({})).ok()); }

TEST(StatsTest, DamageIsNoticedInEveryByte) {
  const StatsSnapshot in = Sample();
  const std::vector<std::byte> good = Encoded(in);
  for (size_t at = 0; at < EncodedSize(in); at++) {
    std::vector<std::byte> bad = good;
    bad[at] ^= std::byte{1};
    EXPECT_TRUE(absl::IsDataLoss(DecodeStats(bad).status())) << "byte " << at;
  }
  for (size_t size = 0; size < EncodedSize(in); size++) {
    EXPECT_FALSE(DecodeStats(std::span(good).first(size)).ok()) << size << " bytes";
  }
}

}  // namespace
}  // namespace evenkeel
