// A burst of packets and the stages it goes through, each over the whole burst, so that what one
// stage prefetches has arrived when the next one reads it:
//
//   classify: headers -> service, hash, slot             (prefetches slots, then backends)
//   forward:  slot -> backend, next hop, verdict, frame  (prefetches counters)
//
// Plain packets are forwarded in one step (forward/plain.h), others by lb_resolve() and lb_apply().
// Where packets of the burst are sampled, all of it is resolved before anything is written.
//
// Every packet leaves the stages in exactly one of two states: queued to be sent, or with a reason
// not to be.
#ifndef DATAPLANE_WORKER_BURST_H_
#define DATAPLANE_WORKER_BURST_H_

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/forward/batch.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/table_access.h"
#include "dataplane/worker/counters.h"
#include "dataplane/worker/sampler.h"
#include "dataplane/worker/token_bucket.h"

namespace evenkeel {

struct Burst {
  static constexpr uint16_t kPackets = LB_BATCH_MAX;

  rte_mbuf* packet[kPackets];
  uint16_t count = 0;

  lb_batch batch;      // hashes are taken together
  lb_memo memo{};      // of this worker: it stays from burst to burst
  TokenBucket errors;  // so does what it may still send of ICMP errors; unbounded unless set
  Sampler sampler;     // and which packets it shows to control
  uint64_t now_tsc = 0;
  lb_flow flow[kPackets];
  lb_decision decision[kPackets];  // of plain packets that are sent: counter and reason only
  // Why, for each packet that is not to be sent.
  uint8_t reason[kPackets];

  // Positions in `packet`, in order: those to be sent, and all others.
  uint8_t to_send[kPackets];
  uint16_t to_send_count = 0;
  uint8_t others[kPackets];
  uint16_t other_count = 0;

  void Refuse(uint8_t position, lb_reason why) {
    reason[position] = static_cast<uint8_t>(why);
    others[other_count++] = position;
  }
};

// Runs the stages over what `burst->packet` holds.
void ForwardBurst(const lb_view& view, const FlowCounter* counters, Burst* burst);

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_BURST_H_
