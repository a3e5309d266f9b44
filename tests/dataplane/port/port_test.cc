// Ports as EAL makes them: without root, hugepages or devices.
#include "dataplane/port/port.h"

#include <gtest/gtest.h>
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include <fstream>
#include <string>

#include "dataplane/port/find_port.h"
#include "tests/dataplane/worker/eal_environment.h"

namespace evenkeel {
namespace {

// A virtual device for one test.
class PortTest : public testing::Test {
 protected:
  void Make(const std::string& name, const std::string& arguments = "") {
    ASSERT_EQ(rte_vdev_init(name.c_str(), arguments.c_str()), 0);
    made_.push_back(name);
  }
  void TearDown() override {
    for (const std::string& name : made_) rte_vdev_uninit(name.c_str());
  }
  absl::StatusOr<std::unique_ptr<Port>> Start(const PortOptions& options) {
    const absl::StatusOr<FoundPort> found = FindPort("");
    EXPECT_TRUE(found.ok()) << found.status();
    return Port::Start(*found, options);
  }
  std::string FactsOf(const Port& port) {
    std::string all;
    for (const std::string& fact : port.facts()) all += fact + "\n";
    return all;
  }

  std::vector<std::string> made_;
};

TEST_F(PortTest, SaysThatThereIsNone) {
  const auto found = FindPort("");
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.status().message().find("EAL found no network device"), std::string::npos);
}

TEST_F(PortTest, AsksWhichOfSeveral) {
  Make("net_null0");
  Make("net_null1");
  EXPECT_FALSE(FindPort("").ok());
  const auto found = FindPort("net_null1");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->driver, "net_null");
  EXPECT_TRUE(found->is_virtual);
  const auto missing = FindPort("net_null7");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("net_null0, net_null1"), std::string::npos);
}

TEST_F(PortTest, StartsAQueuePairForEachWorker) {
  Make("net_null0");
  PortOptions options;
  options.workers = 3;
  options.rx_descriptors = options.tx_descriptors = 256;
  const auto port = Start(options);
  ASSERT_TRUE(port.ok()) << port.status();
  rte_eth_dev_info info;
  ASSERT_EQ(rte_eth_dev_info_get((*port)->id(), &info), 0);
  EXPECT_EQ(info.nb_rx_queues, 3);
  EXPECT_EQ(info.nb_tx_queues, 3);
  EXPECT_NE(FactsOf(**port).find("3 queue pairs"), std::string::npos);
  EXPECT_NE(FactsOf(**port).find("every queue makes its own frames"), std::string::npos);
}

TEST_F(PortTest, LeavesVlanTagsInTheFrame) {
  Make("net_null0");
  PortOptions options;
  const auto port = Start(options);
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(rte_eth_dev_get_vlan_offload((*port)->id()), 0);
}

TEST_F(PortTest, RefusesTooFewBuffersWithTheSum) {
  Make("net_null0");
  PortOptions options;
  options.mbufs = 1000;
  const auto port = Start(options);
  ASSERT_TRUE(absl::IsInvalidArgument(port.status())) << port.status();
  EXPECT_NE(port.status().message().find("1024 receive + 1024 transmit"), std::string::npos);
}

TEST_F(PortTest, RefusesBuffersThatMemoryDoesNotHold) {
  Make("net_null0");
  PortOptions options;
  options.mbufs = 1'000'000;
  const auto port = Start(options);
  ASSERT_TRUE(absl::IsResourceExhausted(port.status())) << port.status();
  EXPECT_NE(port.status().message().find("-m MEGABYTES"), std::string::npos);
}

TEST_F(PortTest, RefusesMoreWorkersThanCaptureFiles) {
  const std::string capture = testing::TempDir() + "evk_port_test.pcap";
  const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  std::ofstream(capture, std::ios::binary)
      .write(reinterpret_cast<const char*>(header), sizeof(header));
  Make("net_pcap0", "rx_pcap=" + capture + ",tx_pcap=/dev/null");
  PortOptions options;
  options.workers = 2;
  const auto port = Start(options);
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.status().message().find("2 workers need 2 queue pairs"), std::string::npos)
      << port.status();
}

}  // namespace
}  // namespace evenkeel
