// What doctor reads of a host and makes of it; the host is a folder of the test.
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "control/config/parse.h"
#include "tests/tools/evenkeel/temp_folder.h"
#include "tools/evenkeel/doctor_checks.h"

namespace evenkeel::cli {
namespace {

class DoctorTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_.Path(path)).parent_path());
    folder_.Write(path, text);
  }
  HostFacts Read() const { return ReadHost(folder_.Path("")); }
  // The state of the check, and all its texts.
  std::string StateOf(const std::string& rule) const {
    const DoctorReport report = Examine(host_, status_, running_ ? &*running_ : nullptr);
    for (const DoctorCheck& check : report.checks) {
      if (check.rule == rule) return check.state;
    }
    return "absent";
  }
  v1::Plane& AddPlane(const std::string& kind) {
    v1::Plane& plane = *status_.add_planes();
    plane.set_kind(kind);
    plane.set_connected(true);
    return plane;
  }

  const TempFolder folder_;
  HostFacts host_;
  v1::StatusReply status_;
  std::optional<Config> running_;
};

TEST_F(DoctorTest, ReadsTheHost) {
  Put("proc/net/arp",
      "IP address       HW type     Flags       HW address            Mask     Device\n"
      "10.0.0.1         0x1         0x2         02:00:00:00:00:01     *        eth0\n"
      "10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0\n");
  Put("sys/class/net/tunl0/type", "768\n");
  Put("sys/class/net/eth0/type", "1\n");
  Put("proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
  Put("proc/sys/net/ipv4/conf/tunl0/rp_filter", "1\n");
  Put("proc/net/bonding/bond0",
      "Bonding Mode: IEEE 802.3ad Dynamic link aggregation\n"
      "Transmit Hash Policy: layer2 (0)\nMII Status: up\n\n"
      "Slave Interface: eth1\nMII Status: down\n\nSlave Interface: eth2\nMII Status: up\n");
  Put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
  Put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
  Put("sys/devices/system/cpu/isolated", "2-3\n");
  const HostFacts host = Read();
  EXPECT_EQ(host.neighbours, std::vector<std::string>{"10.0.0.1"});
  ASSERT_EQ(host.tunnels.size(), 1u);
  EXPECT_EQ(host.tunnels[0].name, "tunl0");
  EXPECT_EQ(host.tunnels[0].rp_filter, 1);
  ASSERT_EQ(host.bonds.size(), 1u);
  EXPECT_EQ(host.bonds[0].hash_policy, "layer2");
  EXPECT_EQ(host.bonds[0].broken, std::vector<std::string>{"eth1"});
  EXPECT_EQ(host.hugepages, 514u);
  EXPECT_EQ(host.isolated_cpus, "2-3");
  EXPECT_FALSE(host.addresses.empty()) << "this host has a loopback";
}

TEST_F(DoctorTest, AHostThatSaysNothingIsSkippedNotJudged) {
  host_ = Read();
  for (const char* rule : {"F25", "F43", "F44", "F45", "F50", "F51", "F52", "F53", "F61", "F62"}) {
    EXPECT_EQ(StateOf(rule), "skipped") << rule;
  }
}

TEST_F(DoctorTest, FindsTunnelsWithStrictReversePath) {
  host_.tunnels = {{.name = "tunl0", .rp_filter = 2}};
  EXPECT_EQ(StateOf("F43"), "ok");
  host_.tunnels.push_back({.name = "gre0", .rp_filter = 1});
  EXPECT_EQ(StateOf("F43"), "warning");
}

TEST_F(DoctorTest, ComparesWhatRunsWithTheHostsAddresses) {
  running_ = ParseConfig(ValidConfig()).config;
  ASSERT_TRUE(running_);
  EXPECT_EQ(StateOf("F44"), "warning");
  EXPECT_EQ(StateOf("F45"), "error");
  host_.neighbours = {"10.0.0.1"};
  host_.addresses = {"10.0.0.10"};
  EXPECT_EQ(StateOf("F44"), "ok");
  EXPECT_EQ(StateOf("F45"), "ok");
}

TEST_F(DoctorTest, FindsAWorkerThatHasItAll) {
  v1::Plane& plane = AddPlane("dpdk");
  for (int i = 0; i < 8; ++i) plane.add_workers()->set_packets(2000);
  EXPECT_EQ(StateOf("F49"), "ok");
  plane.mutable_workers(3)->set_packets(20000);
  EXPECT_EQ(StateOf("F49"), "warning");
  for (v1::Worker& worker : *plane.mutable_workers()) worker.set_packets(1);
  EXPECT_EQ(StateOf("F49"), "skipped") << "too few to tell";
}

TEST_F(DoctorTest, JudgesWhatTheDpdkPlaneNeeds) {
  AddPlane("dpdk");
  host_.hugepages = 0;
  EXPECT_EQ(StateOf("F50"), "note");
  EXPECT_EQ(StateOf("F51"), "warning");
  host_.hugepages = 64;
  host_.isolated_cpus = "2-3";
  EXPECT_EQ(StateOf("F50"), "ok");
  EXPECT_EQ(StateOf("F51"), "ok");
}

TEST_F(DoctorTest, NamesGenericXdpAndStalePlanes) {
  v1::Plane& plane = AddPlane("xdp");
  plane.set_mode("native");
  plane.set_generation(7);
  status_.set_generation(7);
  EXPECT_EQ(StateOf("F52"), "ok");
  EXPECT_EQ(StateOf("F54"), "ok");
  plane.set_mode("generic");
  plane.set_generation(6);
  EXPECT_EQ(StateOf("F52"), "warning");
  EXPECT_EQ(StateOf("F54"), "error");
  EXPECT_FALSE(Examine(host_, status_, nullptr).ok());
  plane.set_connected(false);
  EXPECT_EQ(StateOf("F54"), "error");
}

TEST_F(DoctorTest, NamesBondsWithBrokenLegsOrOneLegForAll) {
  host_.bonds = {{.name = "bond0", .mode = "x", .hash_policy = "layer3+4", .broken = {}}};
  EXPECT_EQ(StateOf("F53"), "ok");
  host_.bonds[0].hash_policy = "layer2";
  EXPECT_EQ(StateOf("F53"), "warning");
  host_.bonds[0].broken = {"eth1"};
  EXPECT_EQ(StateOf("F53"), "error");
}

}  // namespace
}  // namespace evenkeel::cli
