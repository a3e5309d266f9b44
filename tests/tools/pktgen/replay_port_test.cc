// The port of tools/bench worker, under forwarders that do as they should and one that loses a
// packet.
#include "tools/pktgen/replay_port.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"

namespace evenkeel::pktgen {
namespace {

constexpr uint32_t kBuffers = 256;
constexpr uint16_t kBurst = 64;

// One for the process: forwarders poll it from their threads.
ReplayPort* InstalledPort(uint16_t* id) {
  static RingPort* const wire = new RingPort();
  static ReplayPort* const port = ReplayPort::Install(wire->port().id(), kBuffers);
  *id = wire->port().id();
  return port;
}

// A thread that takes packets and sends those that `change` leaves it.
class Forwarder {
 public:
  Forwarder(uint16_t port, std::function<bool(rte_mbuf*)> change)
      : thread_([this, port, change = std::move(change)] {
          rte_mbuf* packets[kBurst];
          while (!stop_) {
            const uint16_t count = rte_eth_rx_burst(port, 0, packets, kBurst);
            uint16_t kept = 0;
            for (uint16_t i = 0; i < count; ++i) {
              if (change(packets[i])) packets[kept++] = packets[i];
            }
            rte_eth_tx_burst(port, 0, packets, kept);
          }
        }) {}
  ~Forwarder() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST(ReplayPortTest, TimesEveryBatchAndShowsWhatCameBack) {
  uint16_t id;
  ReplayPort* port = InstalledPort(&id);
  ASSERT_NE(port, nullptr);
  const Forwarder forwarder(
      id, [](rte_mbuf* packet) { return rte_pktmbuf_prepend(packet, 20) != nullptr; });
  for (int i = 0; i < 2; ++i) {  // a run leaves the next one what it needs
    ReplayResult result;
    ASSERT_EQ(port->Measure({.flows = 1024}, 50, &result), "");
    EXPECT_EQ(result.batches.size() + result.preempted, 50u);
    EXPECT_EQ(result.bytes_out, kFrameBytes + 20);
    EXPECT_EQ(result.last_in.size(), kFrameBytes);
    EXPECT_TRUE(std::equal(result.last_in.begin(), result.last_in.end(),
                           result.last_out.begin() + 20, result.last_out.end()));
    for (const BatchTime& batch : result.batches) {
      EXPECT_GT(batch.own_ns, 0);
      EXPECT_LT(batch.own_ns, batch.loop_ns);
    }
  }
}

TEST(ReplayPortTest, HandsOutEveryFlowInTurn) {
  uint16_t id;
  ReplayPort* port = InstalledPort(&id);
  ASSERT_NE(port, nullptr);
  std::multiset<uint32_t> sources;
  std::set<uint32_t> vips;
  {
    const Forwarder forwarder(id, [&](rte_mbuf* packet) {
      const auto* ip = rte_pktmbuf_mtod_offset(packet, const rte_ipv4_hdr*, 14);
      EXPECT_EQ(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
      sources.insert(ip->src_addr);
      vips.insert(ip->dst_addr);
      return true;
    });
    ReplayResult result;
    ASSERT_EQ(port->Measure({.flows = kBuffers, .services = 100}, 1, &result), "");
  }
  EXPECT_EQ(sources.size() % kBuffers, 0u);
  const size_t rounds = sources.size() / kBuffers;
  for (const uint32_t source : sources) EXPECT_EQ(sources.count(source), rounds);
  EXPECT_EQ(vips.size(), 100u);
}

// The last: the lost packet's buffer is gone.
TEST(ReplayPortTest, SaysThatAPacketWasLost) {
  uint16_t id;
  ReplayPort* port = InstalledPort(&id);
  ASSERT_NE(port, nullptr);
  int seen = 0;
  const Forwarder forwarder(id, [&](rte_mbuf*) { return ++seen != 100; });
  ReplayResult result;
  EXPECT_EQ(port->Measure({}, 50, &result), "the forwarder took 256 packets and sent 255");
}

}  // namespace
}  // namespace evenkeel::pktgen
