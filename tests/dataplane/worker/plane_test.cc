// The manager's half: swaps, and counters that outlive generations.
#include "dataplane/worker/plane.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

uint64_t NoMac(const Address&) { return 0; }

std::shared_ptr<const ImageView> MakeImage(const ImageSpec& spec) {
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

StatsSnapshot StatsOf(const Plane& plane) {
  StatsSnapshot stats;
  plane.FillStats({1, 2}, &stats);
  return stats;
}

uint64_t PacketsOf(const StatsSnapshot& stats, const char* service, const Address& backend) {
  for (const FlowCount& flow : stats.flows) {
    if (flow.service_id == NameId(service) && flow.backend_id == BackendId(backend)) {
      return flow.packets;
    }
  }
  return 0;
}

class PlaneTest : public testing::Test {
 protected:
  PlaneTest() : plane_(2, {2, 0, 0, 0, 0, 0x10}) {}
  void Install(const ImageSpec& spec) { ASSERT_TRUE(plane_.Install(MakeImage(spec), NoMac).ok()); }
  // As worker `w` would for a packet of the first service at its first backend.
  void CountOne(uint32_t worker) { plane_.current()->counters(worker).flow(0).packets.Add(1); }

  Plane plane_;
};

TEST_F(PlaneTest, AddsUpWorkers) {
  Install(SmallSpec());
  CountOne(0);
  CountOne(1);
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), 2u);
}

TEST_F(PlaneTest, CountsOnAcrossPublicationsThatRenumberCounters) {
  Install(SmallSpec(1));
  CountOne(0);
  ImageSpec next = SmallSpec(2);
  std::swap(next.services[0], next.services[3]);  // http4's counters lie elsewhere now
  Install(next);
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), 1u);
  CountOne(1);  // of http6 now
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), 1u);
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http6", V4(10, 0, 0, 0)), 1u);
}

TEST_F(PlaneTest, LosesNoCountWhileAWorkerHangs) {
  Install(SmallSpec(1));
  plane_.swap().Online(0);
  plane_.swap().Tick(0);
  const Generation* held = plane_.swap().Acquire();
  Install(SmallSpec(2));  // waits for worker 0 in vain
  EXPECT_EQ(plane_.Alarms().size(), 1u);
  held->counters(0).flow(0).packets.Add(1);  // it still counts in the former generation
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), 1u);
  plane_.swap().Tick(0);
  plane_.Tidy();
  EXPECT_TRUE(plane_.Alarms().empty());
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), 1u);
  plane_.swap().Offline(0);
}

TEST_F(PlaneTest, NextHopFollowsTheNeighbourUnlessTheConfigurationSetsIt) {
  Install(SmallSpec());  // the IPv4 gateway has a static MAC, the IPv6 one has none
  const lb_view& view = plane_.current()->view();
  const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
  EXPECT_EQ(lb_view_next_hop(&view, 1), 0u);
  plane_.SetNextHop(V6(1), lb_next_hop_word(mac));
  EXPECT_EQ(lb_view_next_hop(&view, 1), lb_next_hop_word(mac));
  const uint64_t fixed = lb_view_next_hop(&view, 0);
  EXPECT_NE(fixed, 0u);
  plane_.SetNextHop(V4(10, 0, 0, 1), lb_next_hop_word(mac));
  EXPECT_EQ(lb_view_next_hop(&view, 0), fixed);
}

TEST_F(PlaneTest, WorkersSeeNoFreedGenerationUnderManyPublications) {
  Install(SmallSpec(1));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> counted{0};
  std::thread worker([&] {
    plane_.swap().Online(1);
    while (!stop) {
      plane_.swap().Tick(1);
      const Generation* generation = plane_.swap().Acquire();
      generation->counters(1).flow(0).packets.Add(1);
      ++counted;
    }
    plane_.swap().Offline(1);
  });
  for (uint64_t generation = 2; generation < 200; ++generation) Install(SmallSpec(generation));
  stop = true;
  worker.join();
  EXPECT_EQ(PacketsOf(StatsOf(plane_), "http4", V4(10, 0, 0, 0)), counted.load());
}

}  // namespace
}  // namespace evenkeel
