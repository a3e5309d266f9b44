// A kernel network device for the packets that are not ours: where a NIC belongs to DPDK alone,
// ARP, NDP, BGP and SSH on it reach the kernel through this tap, and leave by it.
//
// The device has the port's MAC; its addresses and routes are the operator's (ip address add ...
// dev evk0). It is gone when the process ends. A thread of its own moves packets between the device
// and the workers' queues; it sleeps when there are none.
#ifndef DATAPLANE_SLOW_PATH_TAP_H_
#define DATAPLANE_SLOW_PATH_TAP_H_

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/slow_path/kernel_queues.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class Tap {
 public:
  struct Options {
    std::string name;  // "evk0"
    std::array<uint8_t, 6> mac{};
    uint16_t mtu = 0;  // 0: the kernel's default
  };
  // The device is up when this returns. Say PermissionDenied where CAP_NET_ADMIN is missing.
  static absl::StatusOr<std::unique_ptr<Tap>> Open(const Options& options, KernelQueues* queues,
                                                   rte_mempool* pool);
  ~Tap();  // ends the thread and removes the device

  unsigned interface_index() const { return interface_index_; }

  // Any thread. Packets that the kernel took, gave, and refused (the device is down, or its queue
  // full).
  uint64_t given() const { return given_.load(std::memory_order_relaxed); }
  uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Tap(UniqueFd device, unsigned interface_index, KernelQueues* queues, rte_mempool* pool);
  void Run();
  void GiveToKernel();
  void TakeFromKernel();

  UniqueFd device_;
  const unsigned interface_index_;
  KernelQueues* const queues_;
  rte_mempool* const pool_;
  std::atomic<uint64_t> given_{0};
  std::atomic<uint64_t> taken_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_SLOW_PATH_TAP_H_
