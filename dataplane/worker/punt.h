// Packets for the kernel, as a worker hands them over: sorted into classes with a budget each, so
// that a flood of packets that match no service starves neither ARP and NDP nor BGP nor the
// operator's SSH.
//
// Where the kernel gets its own copy of every frame (net_af_packet), or where there is no kernel
// behind the port, a passed packet is freed. Both queues are owned by main and shared with
// slow_path/; the budgets are one worker's own.
#ifndef DATAPLANE_WORKER_PUNT_H_
#define DATAPLANE_WORKER_PUNT_H_

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>

#include "dataplane/forward/flow.h"
#include "dataplane/worker/token_bucket.h"

namespace evenkeel {

enum class PuntClass : uint8_t {
  kNeighbour,   // ARP, NDP, whatever is not IP
  kRouting,     // BGP, BFD, OSPF, VRRP
  kManagement,  // SSH
  kOther,
};
inline constexpr int kPuntClasses = 4;

// `frame` has been classified by the core as one to pass, for flow.reason.
PuntClass ClassifyPunt(const uint8_t* frame, const uint8_t* end, const lb_flow& flow);

class Punt {
 public:
  // `to_kernel` null: there is nobody to hand packets to; Give() then frees them.
  Punt(rte_ring* to_kernel, uint32_t workers, uint64_t tsc_hz);

  // Takes the packet in any case. False: over its budget, or the queue is full, and the packet is
  // gone.
  bool Give(rte_mbuf* packet, const lb_flow& flow, uint64_t now_tsc) {
    if (to_kernel_ == nullptr) {
      rte_pktmbuf_free(packet);
      return true;
    }
    return Enqueue(packet, flow, now_tsc);
  }

 private:
  bool Enqueue(rte_mbuf* packet, const lb_flow& flow, uint64_t now_tsc);

  rte_ring* to_kernel_;
  std::array<TokenBucket, kPuntClasses> budgets_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_PUNT_H_
