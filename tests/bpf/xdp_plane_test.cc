// The XDP plane on an interface: attached, taken over, outgrown, detached. Needs root; skips
// without it. Each test has its own network and mount namespace, so that nothing stays behind.
#include "bpf/xdp_plane.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>

#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/builder.h"

namespace evenkeel {
namespace {

using packets::Bytes;

const Address kClient = V4(198, 51, 100, 2);
const Address kVip = V4(203, 0, 113, 10);
constexpr char kMount[] = "/tmp";

std::shared_ptr<const ImageView> ImageOf(uint64_t generation, uint16_t more_services = 0) {
  ImageSpec spec = SmallSpec(generation);
  for (uint16_t i = 0; i < more_services; ++i) {
    const uint16_t port = static_cast<uint16_t>(10000 + i);
    spec.services.push_back(MakeService("s" + std::to_string(i), kVip, 0, {{port, port}}));
  }
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

uint64_t SomeMac(const Address&) {
  const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  return lb_next_hop_word(mac);
}

class XdpPlaneTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs, makes namespaces";
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("bpf", kMount, "bpf", 0, nullptr), 0);
    ASSERT_EQ(std::system("ip link add xdp0 type veth peer name xdp1"), 0);
  }
  absl::StatusOr<std::unique_ptr<XdpPlane>> Open(XdpMode mode = XdpMode::kNative) {
    return XdpPlane::Open({.interface = "xdp0", .mode = mode, .pin_root = "/tmp/evenkeel"});
  }
  void Send(const XdpPlane& plane, uint16_t source_port, uint16_t port = 80) {
    const Bytes in = packets::Ethernet({}, packets::Ip({.source = kClient, .destination = kVip},
                                                       packets::Tcp({.source = kClient,
                                                                     .destination = kVip,
                                                                     .source_port = source_port,
                                                                     .destination_port = port})));
    Bytes out(256);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.data(), .data_out = out.data(),
                .data_size_in = static_cast<uint32_t>(in.size()),
                .data_size_out = static_cast<uint32_t>(out.size()), .repeat = 1);
    EXPECT_EQ(bpf_prog_test_run_opts(plane.program(), &options), 0);
    EXPECT_EQ(options.retval, 3u);  // XDP_TX
  }
  static StatsSnapshot Stats(const XdpPlane& plane) {
    StatsSnapshot stats;
    plane.FillStats(&stats);
    return stats;
  }
  static uint64_t Packets(const XdpPlane& plane) {
    uint64_t packets = 0;
    for (const FlowCount& flow : Stats(plane).flows) packets += flow.packets;
    return packets;
  }
};

TEST_F(XdpPlaneTest, OutlivesItsObjectAndIsTakenOverWithItsCounts) {
  {
    auto plane = Open();
    ASSERT_TRUE(plane.ok()) << plane.status();
    EXPECT_FALSE((*plane)->was_adopted());
    ASSERT_TRUE((*plane)->Publish(ImageOf(5), SomeMac).ok());
    for (uint16_t port = 1; port <= 20; ++port) Send(**plane, port);
  }
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  EXPECT_TRUE((*plane)->was_adopted());
  ASSERT_NE((*plane)->current(), nullptr);
  EXPECT_EQ((*plane)->current()->generation(), 5u);
  EXPECT_TRUE((*plane)->notes().empty());
  Send(**plane, 21);
  EXPECT_EQ(Packets(**plane), 21u);
  EXPECT_EQ(Stats(**plane).received, 21u);
}

TEST_F(XdpPlaneTest, AnImageThatOutgrowsTheMapsGetsLargerOnesAndKeepsTheCounts) {
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  ASSERT_TRUE((*plane)->Publish(ImageOf(1), SomeMac).ok());
  for (uint16_t port = 1; port <= 20; ++port) Send(**plane, port);
  const uint32_t before = (*plane)->maps().sizes.services;
  const absl::Status grown = (*plane)->Publish(ImageOf(2, 400), SomeMac);
  ASSERT_TRUE(grown.ok()) << grown;
  EXPECT_GT((*plane)->maps().sizes.services, before);
  EXPECT_TRUE((*plane)->CheckAttached().ok());
  for (uint16_t port = 1; port <= 5; ++port) Send(**plane, port, 10399);
  EXPECT_EQ(Packets(**plane), 25u);
  EXPECT_EQ(Stats(**plane).received, 25u);
  EXPECT_EQ(ListPins("/tmp/evenkeel/xdp0").size(), 3u);  // common, link, one instance
  plane->reset();
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->current()->generation(), 2u);
  EXPECT_EQ(Packets(**again), 25u);
}

// Three tables of 2^20 slots, all of them other ones in each generation.
std::shared_ptr<const ImageView> LargeImageOf(uint64_t generation) {
  ImageSpec spec = SmallSpec(generation);
  for (uint16_t i = 0; i < 3; ++i) {
    const uint32_t weight = 10 + static_cast<uint32_t>(generation);
    spec.pools.push_back(MakePool("large" + std::to_string(i), {weight, 10, uint32_t{i} + 1},
                                  static_cast<uint16_t>(10 + 3 * i), 20));
    const uint16_t port = static_cast<uint16_t>(10000 + i);
    spec.services.push_back(MakeService("s" + std::to_string(i), kVip, 2 + i, {{port, port}}));
  }
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

TEST_F(XdpPlaneTest, TablesThatAllChangeAtOnceNeedAnotherProgramTwiceAtMost) {
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  std::set<std::string> instances;
  for (uint64_t generation = 1; generation <= 6; ++generation) {
    const absl::Status published = (*plane)->Publish(LargeImageOf(generation), SomeMac);
    ASSERT_TRUE(published.ok()) << published;
    Send(**plane, 1, 10002);
    for (const std::string& pin : ListPins("/tmp/evenkeel/xdp0")) {
      if (pin.starts_with("maps-")) instances.insert(pin);
    }
  }
  EXPECT_EQ(instances.size(), 2u);  // for the first image, and for the second beside it
  EXPECT_EQ(Packets(**plane), 6u);
  EXPECT_TRUE((*plane)->notes().empty());
}

TEST_F(XdpPlaneTest, WhatAKilledControlLeftBesideTheOneInUseIsRemoved) {
  {
    auto plane = Open();
    ASSERT_TRUE(plane.ok()) << plane.status();
    ASSERT_TRUE((*plane)->Publish(ImageOf(1), SomeMac).ok());
    Send(**plane, 1);
  }
  ASSERT_TRUE(MakePinFolder("/tmp/evenkeel/xdp0/maps-1-00000000-9").ok());
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  EXPECT_TRUE((*plane)->was_adopted());
  EXPECT_EQ(ListPins("/tmp/evenkeel/xdp0").size(), 3u);
  EXPECT_EQ(Packets(**plane), 1u);
}

// An image in which every slot of pool web has moved from backend 0 to 1, and is in tail or open.
std::shared_ptr<const ImageView> MovedImage(uint64_t generation, uint8_t state,
                                            uint16_t more_services = 0) {
  ImageSpec spec = SmallSpec(generation);
  for (uint16_t i = 0; i < more_services; ++i) {
    const uint16_t port = static_cast<uint16_t>(10000 + i);
    spec.services.push_back(MakeService("s" + std::to_string(i), kVip, 0, {{port, port}}));
  }
  lb_transition transition{};
  transition.state = state;
  transition.open_until_ns = ~0ull;
  spec.transitions.push_back(transition);
  absl::StatusOr<TablePtr> table = Table::Create(std::vector<lb_slot>(4096, 1u << 16 | 1));
  EXPECT_TRUE(table.ok()) << table.status();
  spec.pools[0].effective = *table;
  spec.pools[0].effective_id_digest =
      IdDigest(**table, [&](uint16_t lease) { return spec.pools[0].members[lease].backend_id; });
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

TEST_F(XdpPlaneTest, TrackedFlowsOutliveControlAndOutgrownMaps) {
  const uint64_t old_backend = SmallSpec(1).pools[0].members[0].backend_id;
  const auto packets_to_old = [&](const XdpPlane& plane) {
    uint64_t packets = 0;
    for (const FlowCount& flow : Stats(plane).flows) {
      if (flow.backend_id == old_backend) packets += flow.packets;
    }
    return packets;
  };
  {
    auto plane = Open();
    ASSERT_TRUE(plane.ok()) << plane.status();
    ASSERT_TRUE((*plane)->Publish(MovedImage(1, LB_SLOT_OPEN), SomeMac).ok());
    for (uint16_t port = 1; port <= 20; ++port) Send(**plane, port);
    EXPECT_EQ(packets_to_old(**plane), 20u);
    const StatsSnapshot stats = Stats(**plane);
    ASSERT_EQ(stats.flow_tables.size(), 1u);
    EXPECT_EQ(stats.flow_tables[0].flows, 20u);
    EXPECT_EQ(stats.flow_tables[0].inserted[LB_ENTRY_MISS], 20u);
    ASSERT_TRUE((*plane)->Publish(MovedImage(2, LB_SLOT_TAIL), SomeMac).ok());
  }
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  EXPECT_TRUE((*plane)->was_adopted());
  for (uint16_t port = 1; port <= 20; ++port) Send(**plane, port);
  EXPECT_EQ(packets_to_old(**plane), 40u);
  ASSERT_TRUE((*plane)->Publish(MovedImage(3, LB_SLOT_TAIL, 400), SomeMac).ok());
  for (uint16_t port = 1; port <= 21; ++port) Send(**plane, port);
  EXPECT_EQ(packets_to_old(**plane), 60u);
}

TEST_F(XdpPlaneTest, ControlSweepsTheFlowsOfAnIdlePlane) {
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  ASSERT_TRUE((*plane)->Publish(MovedImage(1, LB_SLOT_OPEN), SomeMac).ok());
  for (uint16_t port = 1; port <= 20; ++port) Send(**plane, port);
  EXPECT_EQ(Stats(**plane).flow_tables[0].occupied[LB_ENTRY_MISS], 20u);
  // Backends of the next image have other indices: the entries lead nowhere.
  ImageSpec other = SmallSpec(2);
  other.pools[0] = MakePool("web", {1, 2, 7}, 10);
  absl::StatusOr<ImageView> image = VerifySpec(other);
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_TRUE(
      (*plane)->Publish(std::make_shared<const ImageView>(*std::move(image)), SomeMac).ok());
  for (int i = 0; i < 100 && Stats(**plane).flow_tables[0].flows != 0; ++i) {
    (*plane)->SweepFlows();
    usleep(100'000);
  }
  EXPECT_EQ(Stats(**plane).flow_tables[0].flows, 0u);
  EXPECT_EQ(Stats(**plane).flow_tables[0].occupied[LB_ENTRY_MISS], 0u);
  EXPECT_EQ(Stats(**plane).flow_tables[0].expired, 20u);
}

TEST_F(XdpPlaneTest, ASecondOneIsRefused) {
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  EXPECT_TRUE(absl::IsAlreadyExists(Open().status()));
}

TEST_F(XdpPlaneTest, DetachLeavesNothing) {
  auto plane = Open();
  ASSERT_TRUE(plane.ok()) << plane.status();
  ASSERT_TRUE((*plane)->Publish(ImageOf(1), SomeMac).ok());
  EXPECT_TRUE(AttachedMode((*plane)->interface_index()).ok());
  std::vector<std::string> removed;
  ASSERT_TRUE((*plane)->Detach(&removed).ok());
  EXPECT_GT(removed.size(), 10u);
  EXPECT_NE(access("/tmp/evenkeel", F_OK), 0);
  EXPECT_FALSE(AttachedMode((*plane)->interface_index()).ok());
}

TEST_F(XdpPlaneTest, AnotherModeIsAttachedAnew) {
  {
    auto plane = Open();
    ASSERT_TRUE(plane.ok()) << plane.status();
    ASSERT_TRUE((*plane)->Publish(ImageOf(1), SomeMac).ok());
  }
  auto plane = Open(XdpMode::kGeneric);
  ASSERT_TRUE(plane.ok()) << plane.status();
  EXPECT_FALSE((*plane)->was_adopted());
  EXPECT_EQ((*plane)->current(), nullptr);
  const absl::StatusOr<XdpMode> mode = AttachedMode((*plane)->interface_index());
  ASSERT_TRUE(mode.ok());
  EXPECT_EQ(*mode, XdpMode::kGeneric);
}

}  // namespace
}  // namespace evenkeel
