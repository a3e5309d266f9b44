#include "control/canary/stage.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace evenkeel {
namespace {

Backend Of(const std::string& name, int host, uint32_t weight = 10) {
  return {.name = name,
          .address = *IpAddress::Parse("10.0.1." + std::to_string(host)),
          .weight = weight};
}

Config Sample() {
  Config config;
  config.pools = {{.name = "web", .backends = {Of("b1", 11), Of("b2", 12), Of("b3", 13)}},
                  {.name = "idle", .allow_empty = true}};
  config.services = {{.name = "http", .ports = {.ranges = {{80, 80}}}, .pool = "web"}};
  return config;
}

// What is wrong with it; empty: nothing.
std::string Why(const Config& after) { return WhyNoCanary(Sample(), after).value_or(""); }

TEST(CanaryStageTest, TakesWhatMovesSlots) {
  Config after = Sample();
  after.pools[0].backends.push_back(Of("b4", 14));
  EXPECT_EQ(Why(after), "");
  after = Sample();
  after.pools[0].backends.pop_back();
  EXPECT_EQ(Why(after), "");
  after = Sample();
  after.pools[0].backends[1].weight = 20;
  EXPECT_EQ(Why(after), "");
  after = Sample();
  after.pools[0].backends[1].drain = Drain{.reason = "kernel"};
  EXPECT_EQ(Why(after), "");
  after = Sample();
  after.pools[0].table.fill = FillKind::kMaglev;
  EXPECT_EQ(Why(after), "");
}

TEST(CanaryStageTest, SaysWhatIsNoSlice) {
  const auto expect = [](const Config& after, const std::string& named) {
    EXPECT_TRUE(absl::StrContains(Why(after), named)) << Why(after) << " does not name " << named;
  };
  Config moved = Sample();
  moved.pools[0].backends[1].weight = 20;

  expect(Sample(), "moves no slot");
  Config after = moved;
  after.network.mtu = 1500;
  expect(after, "network");
  after = moved;
  after.services[0].ports.ranges = {{81, 81}};
  expect(after, "services.http changes");
  after = moved;
  after.services.push_back({.name = "more", .pool = "web"});
  expect(after, "services.more is new");
  after = moved;
  after.services.clear();
  expect(after, "services.http goes");
  after = moved;
  after.pools.push_back({.name = "other"});
  expect(after, "pools.other is new");
  after = moved;
  after.pools.pop_back();
  expect(after, "pools.idle goes");
  after = moved;
  after.pools[0].forward = Forward::kL2dsr;
  expect(after, "pools.web.forward");
  after = moved;
  after.pools[0].table.slots = 4096;
  expect(after, "pools.web.table.slots");
  after = moved;
  after.pools[0].health = Health{.port = 80};
  expect(after, "pools.web.health");
  after = moved;
  after.pools[0].backends.clear();
  expect(after, "empty");
  after = moved;
  after.pools[0].backends[2] = Of("b3", 33);
  expect(after, "pools.web.backends.b3 gets another address");
}

TEST(CanaryStageTest, RunsWithTheBackendsOfBoth) {
  const Config before = Sample();
  Config after = Sample();
  after.pools[0].backends = {Of("b4", 14), Of("renamed", 11, 99), Of("b2", 12)};
  after.pools[0].objectives.min_healthy_percent = 10;
  after.safety.weight_ratio = 7;
  const Config stage = StageConfig({.percent = 5, .before = before, .after = after});
  ASSERT_EQ(stage.pools[0].backends.size(), 4u);
  EXPECT_EQ(stage.pools[0].backends[0], before.pools[0].backends[0]);
  EXPECT_EQ(stage.pools[0].backends[2], before.pools[0].backends[2]);
  EXPECT_EQ(stage.pools[0].backends[3], after.pools[0].backends[0]);
  EXPECT_EQ(stage.pools[0].objectives, before.pools[0].objectives);
  EXPECT_EQ(stage.safety, before.safety);
}

// It must be able to own the slots that the slice gives it.
TEST(CanaryStageTest, ABackendThatDrainedIsAsTheCandidateHasIt) {
  Config before = Sample();
  before.pools[0].backends[1].drain = Drain{.reason = "kernel"};
  const Config stage = StageConfig({.percent = 5, .before = before, .after = Sample()});
  EXPECT_EQ(stage.pools[0].backends[1].effective_weight(), 10u);
}

}  // namespace
}  // namespace evenkeel
