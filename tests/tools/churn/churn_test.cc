// A small run of the simulator: the project's scheme breaks nothing, and the others show that there
// was something to break.
#include "gtest/gtest.h"
#include "tools/churn/simulation.h"

namespace evenkeel {
namespace {

ChurnOptions Small() {
  return {.connections = 120'000,
          .seconds = 3000,
          .idle_s = 300,
          .lru_entries = 512,
          .flow_buckets = 1 << 12};
}

TEST(ChurnTest, NothingThatSpeaksWithinIdleBreaks) {
  const absl::StatusOr<ChurnReport> report = Simulate(Small());
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->schemes.size(), 4u);
  const SchemeResult& stateless = report->schemes[0];
  const SchemeResult& lru = report->schemes[1];
  const SchemeResult& full = report->schemes[2];
  const SchemeResult& ours = report->schemes[3];
  EXPECT_EQ(ours.broken, 0u);
  EXPECT_EQ(full.broken, 0u) << "it knows every connection, and no node failed";
  EXPECT_GT(stateless.broken, 50u);
  EXPECT_GT(lru.broken, 0u);
  EXPECT_LT(lru.broken, stateless.broken);
  EXPECT_GT(report->silent, report->connections / 25);
}

TEST(ChurnTest, ANodeThatFailsTakesItsEntriesAlong) {
  ChurnOptions options = Small();
  options.node_failures = 3;
  const absl::StatusOr<ChurnReport> report = Simulate(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->schemes[2].broken, 0u);
  EXPECT_LT(report->schemes[3].broken, report->schemes[0].broken);
}

TEST(ChurnTest, TheSameSeedGivesTheSameRun) {
  ChurnOptions options = Small();
  options.connections = 20'000;
  const absl::StatusOr<ChurnReport> a = Simulate(options);
  const absl::StatusOr<ChurnReport> b = Simulate(options);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->packets, b->packets);
  EXPECT_EQ(a->schemes[0].broken, b->schemes[0].broken);
  EXPECT_EQ(a->lost, b->lost);
}

}  // namespace
}  // namespace evenkeel
