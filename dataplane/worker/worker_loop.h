// The poll loop: one lcore, one queue pair, nothing shared with other workers but what they all
// only read.
//
// A worker takes the current generation once a burst and holds it for no longer. It never
// allocates, locks, logs or calls the system, but to sleep when nothing has come for a while
// (idle.h).
//
//   Worker worker(config, &plane);
//   rte_eal_remote_launch([](void* w) { static_cast<Worker*>(w)->Run(); return 0; }, &worker,
//   lcore);
#ifndef DATAPLANE_WORKER_WORKER_LOOP_H_
#define DATAPLANE_WORKER_WORKER_LOOP_H_

#include <rte_ring.h>

#include <atomic>
#include <cstdint>

#include "dataplane/worker/burst.h"
#include "dataplane/worker/idle.h"
#include "dataplane/worker/plane.h"
#include "dataplane/worker/punt.h"
#include "dataplane/worker/recent_flows.h"

namespace evenkeel {

struct WorkerConfig {
  uint32_t index = 0;  // of this worker, and of its queue pair
  uint32_t workers = 1;
  uint16_t port = 0;
  Polling polling = Polling::kAdaptive;
  rte_ring* to_kernel = nullptr;    // of all workers; null: passed packets are freed
  rte_ring* from_kernel = nullptr;  // only one worker has it
};

class Worker {
 public:
  Worker(const WorkerConfig& config, Plane* plane);

  // Until Stop(). On the worker's lcore.
  void Run();
  // Any thread. Run() returns after the burst in hand, within a millisecond.
  void Stop() { stop_.store(true, std::memory_order_relaxed); }

  // One turn of the loop, for tests and benchmarks that bring their own thread. Between Online()
  // and Offline() of plane->swap().
  void Poll();

 private:
  uint16_t Send(rte_mbuf** packets, uint16_t count);
  void SendBurst(const Generation* generation);
  void CountForwarded(GenerationCounters& counters, uint16_t sent);
  bool IsNewFlow(uint16_t i, uint16_t sent);
  uint64_t RecentPeriod();
  void SettleOthers();
  void ForwardFromKernel();
  void OpenView(const Generation& generation);

  const WorkerConfig config_;
  Plane* const plane_;
  QuiescentSwap<Generation>* const swap_;
  WorkerCounters* const counters_;
  const uint64_t tsc_hz_;
  uint64_t now_tsc_ = 0;
  Burst burst_;
  Punt punt_;
  Idle idle_;
  RecentFlows recent_;
  uint64_t recent_period_ = 0;
  lb_view view_{};         // of the generation in hand, with this worker's flow table
  lb_flow_table flows_{};  // empty: flows are not tracked
  uint32_t sweep_buckets_ = 0;
  uint64_t swept_tsc_ = 0;
  std::atomic<bool> stop_{false};
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_WORKER_LOOP_H_
