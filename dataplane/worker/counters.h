// What a worker counts. Every line of memory here has one writer, its worker; the manager reads at
// any time. So an increment is a plain load and store: no locked instruction, no shared line.
//
// Two kinds: what belongs to a generation (packets of a service at a backend, whose numbering
// changes with the image) and what lasts as long as the worker (reasons, polls).
//
//   counters.flow(decision.counter).packets.Add(1);     // worker
//   total += counters.flow(i).packets.Get();            // manager
#ifndef DATAPLANE_WORKER_COUNTERS_H_
#define DATAPLANE_WORKER_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dataplane/forward/verdict.h"

namespace evenkeel {

// worker: wo, manager: ro. Relaxed: a count orders nothing, it must only never be seen half
// written.
class Counter {
 public:
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Of one service at one backend. Half a cache line, so that none lies across two.
struct alignas(32) FlowCounter {
  Counter packets;
  Counter bytes;  // of the client's IP packets: headers included, Ethernet, padding and tunnel not
  Counter new_flows;
};

// One worker's counters of one generation.
class GenerationCounters {
 public:
  explicit GenerationCounters(uint32_t count)
      : flows_(static_cast<FlowCounter*>(
            std::aligned_alloc(64, (sizeof(FlowCounter) * (count + 1) + 63) / 64 * 64))),
        count_(count) {
    for (uint32_t i = 0; i < count_; ++i) new (&flows_[i]) FlowCounter;
  }

  FlowCounter& flow(uint32_t index) { return flows_[index]; }
  const FlowCounter& flow(uint32_t index) const { return flows_[index]; }
  FlowCounter* data() { return flows_.get(); }
  uint32_t count() const { return count_; }

 private:
  struct Free {
    void operator()(FlowCounter* p) const { std::free(p); }
  };
  std::unique_ptr<FlowCounter[], Free> flows_;
  uint32_t count_;
};

// What lasts as long as the worker.
struct alignas(64) WorkerCounters {
  // Each packet received ends up in exactly one of them; the verdict follows from the reason.
  std::array<Counter, LB_REASON_COUNT> reasons;
  Counter received;
  Counter new_flows;
  Counter busy_polls;
  Counter idle_polls;
  Counter generation;        // in use; 0: none
  Counter from_kernel;       // packets of the kernel's that were sent
  Counter from_kernel_lost;  // that the transmit queue had no room for
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_COUNTERS_H_
