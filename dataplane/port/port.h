// A started DPDK port with one receive and one transmit queue for each worker. Any device that DPDK
// has a driver for, PCI or virtual.
//
// Everything that could make two planes treat a packet differently is off: VLAN stripping, checksum
// and segmentation offloads, scattered receive. Owned by main; made before the workers start and
// stopped after they have ended. What it changed on a kernel interface (its MTU) is put back.
//
//   absl::StatusOr<std::unique_ptr<Port>> port = Port::Start(found, options);
//   for (const std::string& line : (*port)->facts()) LogInfo("port", line);
#ifndef DATAPLANE_PORT_PORT_H_
#define DATAPLANE_PORT_PORT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/port/find_port.h"
#include "dataplane/port/mempool.h"
#include "dataplane/port/spread.h"

namespace evenkeel {

struct PortOptions {
  uint16_t workers = 1;
  uint16_t rx_descriptors = 1024;
  uint16_t tx_descriptors = 1024;
  uint32_t mbufs = 0;          // 0: from the formula of sizing.h
  uint32_t kernel_queues = 0;  // places in the queues to and from the kernel
  uint16_t mtu = 1600;         // largest IP packet it must carry; 0: leave the device's as it is
  bool all_multicast = false;  // for neighbour discovery where the kernel lives behind a tap
};

// Lost before a worker saw them, by the port's own count (fault F51).
struct PortLosses {
  uint64_t missed = 0;      // no free descriptor: the workers were too slow
  uint64_t no_buffer = 0;   // the mempool was empty
  uint64_t bad_frames = 0;  // refused by the device
};

class Port {
 public:
  static absl::StatusOr<std::unique_ptr<Port>> Start(const FoundPort& found,
                                                     const PortOptions& options);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  uint16_t id() const { return found_.id; }
  const std::array<uint8_t, 6>& mac() const { return mac_; }
  Mempool& mempool() { return mempool_; }
  // What the operator should know, a line each.
  const std::vector<std::string>& facts() const { return facts_; }

  PortLosses Losses() const;

  // No packet moves any more, and the driver has given its buffers back. Called by the destructor
  // too.
  void Stop();

 private:
  Port(const FoundPort& found, Mempool mempool) : found_(found), mempool_(std::move(mempool)) {}
  absl::Status Configure(const PortOptions& options, const Spread& spread);
  absl::Status SetUpQueues(const PortOptions& options);
  absl::Status SetMtu(uint16_t mtu);
  absl::Status StartDevice(const PortOptions& options, const Spread& spread);
  absl::Status CheckRss(uint16_t queues, const Spread& spread);
  void DescribeLink();

  const FoundPort found_;
  Mempool mempool_;
  std::array<uint8_t, 6> mac_{};
  uint16_t former_mtu_ = 0;  // of the kernel interface, to be put back; 0: unchanged
  bool open_ = true;
  bool running_ = false;
  std::vector<std::string> facts_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_PORT_H_
