#include "dataplane/slow_path/kernel_queues.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

void FreeWithPackets(rte_ring* ring) {
  if (ring == nullptr) return;
  void* packet;
  while (rte_ring_dequeue(ring, &packet) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  rte_ring_free(ring);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelQueues>> KernelQueues::Create(int numa_node) {
  std::unique_ptr<KernelQueues> queues(new KernelQueues);
  queues->to_kernel_ = rte_ring_create("evk_to_kernel", kPlaces, numa_node, RING_F_SC_DEQ);
  queues->from_kernel_ =
      rte_ring_create("evk_from_kernel", kPlaces, numa_node, RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (queues->to_kernel_ == nullptr || queues->from_kernel_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("queues to the kernel: ", rte_strerror(rte_errno)));
  }
  return queues;
}

KernelQueues::~KernelQueues() {
  FreeWithPackets(to_kernel_);
  FreeWithPackets(from_kernel_);
}

}  // namespace evenkeel
