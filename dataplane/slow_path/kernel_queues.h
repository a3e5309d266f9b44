// The two queues between workers and the slow path. Owned by main; their buffers belong to the
// port's pool.
#ifndef DATAPLANE_SLOW_PATH_KERNEL_QUEUES_H_
#define DATAPLANE_SLOW_PATH_KERNEL_QUEUES_H_

#include <rte_ring.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

namespace evenkeel {

class KernelQueues {
 public:
  static constexpr uint32_t kPlaces = 1024;  // each way

  static absl::StatusOr<std::unique_ptr<KernelQueues>> Create(int numa_node);
  ~KernelQueues();  // frees what is still queued
  KernelQueues(const KernelQueues&) = delete;
  KernelQueues& operator=(const KernelQueues&) = delete;

  rte_ring* to_kernel() const { return to_kernel_; }      // workers put, the slow path takes
  rte_ring* from_kernel() const { return from_kernel_; }  // the slow path puts, one worker takes

 private:
  KernelQueues() = default;
  rte_ring* to_kernel_ = nullptr;
  rte_ring* from_kernel_ = nullptr;
};

}  // namespace evenkeel

#endif  // DATAPLANE_SLOW_PATH_KERNEL_QUEUES_H_
