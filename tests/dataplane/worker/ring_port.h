// A port whose receive and transmit queues are rings that the test fills and empties.
#ifndef TESTS_DATAPLANE_WORKER_RING_PORT_H_
#define TESTS_DATAPLANE_WORKER_RING_PORT_H_

#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/port/find_port.h"
#include "dataplane/port/port.h"
#include "tests/packets/bytes.h"

namespace evenkeel {

class RingPort {
 public:
  explicit RingPort(unsigned places_to_send = 1024, uint16_t queues = 1) {
    static int count = 0;
    const std::string name = "evk" + std::to_string(count++);
    for (uint16_t i = 0; i < queues; ++i) {
      const std::string suffix = name + std::to_string(i);
      in_.push_back(rte_ring_create(("in" + suffix).c_str(), 1024, SOCKET_ID_ANY, 0));
      out_.push_back(rte_ring_create(("out" + suffix).c_str(), places_to_send, SOCKET_ID_ANY, 0));
    }
    rte_eth_from_rings(name.c_str(), in_.data(), queues, out_.data(), queues, 0);
    absl::StatusOr<FoundPort> found = FindPort("net_ring_" + name);
    EXPECT_TRUE(found.ok()) << found.status();
    PortOptions options;
    options.workers = queues;
    options.rx_descriptors = 512;
    options.tx_descriptors = 512;
    options.mtu = 4000;  // the corpus has packets that are too big for the tunnel
    absl::StatusOr<std::unique_ptr<Port>> port = Port::Start(*found, options);
    EXPECT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
  }
  ~RingPort() {
    for (rte_ring* ring : in_) Drain(ring);
    for (rte_ring* ring : out_) Drain(ring);
    port_->Stop();
    for (rte_ring* ring : in_) rte_ring_free(ring);
    for (rte_ring* ring : out_) rte_ring_free(ring);
  }

  Port& port() { return *port_; }
  uint32_t buffers_out() { return port_->mempool().in_use(); }

  rte_mbuf* MakePacket(const packets::Bytes& frame) {
    rte_mbuf* packet = rte_pktmbuf_alloc(port_->mempool().get());
    EXPECT_NE(packet, nullptr) << "the mempool is empty";
    std::copy(frame.begin(), frame.end(),
              reinterpret_cast<uint8_t*>(
                  rte_pktmbuf_append(packet, static_cast<uint16_t>(frame.size()))));
    return packet;
  }
  void Inject(rte_mbuf* packet, uint16_t queue = 0) {
    ASSERT_EQ(rte_ring_enqueue(in_[queue], packet), 0);
  }
  void Inject(const packets::Bytes& frame, uint16_t queue = 0) { Inject(MakePacket(frame), queue); }

  // What was sent, in order.
  std::vector<packets::Bytes> Sent(uint16_t queue = 0) {
    std::vector<packets::Bytes> frames;
    void* packet;
    while (rte_ring_dequeue(out_[queue], &packet) == 0) {
      rte_mbuf* mbuf = static_cast<rte_mbuf*>(packet);
      const uint8_t* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      frames.emplace_back(data, data + mbuf->data_len);
      rte_pktmbuf_free(mbuf);
    }
    return frames;
  }

 private:
  static void Drain(rte_ring* ring) {
    void* packet;
    while (rte_ring_dequeue(ring, &packet) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  }

  std::vector<rte_ring*> in_;
  std::vector<rte_ring*> out_;
  std::unique_ptr<Port> port_;
};

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_WORKER_RING_PORT_H_
