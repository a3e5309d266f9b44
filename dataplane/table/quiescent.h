// Swapping a pointer under running readers (quiescent-state-based reclamation: McKenney and
// Slingwine 1998; DPDK's rte_rcu_qsbr is the same idea).
//
// A manager publishes an object; workers take the pointer once a burst and report a quiescent tick
// when they hold none. An object is freed once every online worker has ticked after the swap. A
// worker that hangs delays only the freeing. Nothing on the worker's side waits, writes a shared
// line or loops.
//
//   // worker w                                // manager
//   swap.Online(w);                            swap.Publish(std::move(next));
//   for (;;) {                                 absl::Status all = swap.Wait(absl::Seconds(1));
//     swap.Tick(w);                            for (auto& old : swap.Reclaim()) FoldCounters(*old);
//     const T* now = swap.Acquire();
//     ... one burst with `now` ...
//   }
//   swap.Offline(w);
#ifndef DATAPLANE_TABLE_QUIESCENT_H_
#define DATAPLANE_TABLE_QUIESCENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace evenkeel {

// The ticks, without the pointer. One manager thread; each worker index belongs to one thread.
class QuiescentTicks {
 public:
  explicit QuiescentTicks(uint32_t worker_count);

  // Workers.
  void Online(uint32_t worker);
  void Offline(uint32_t worker);
  void Tick(uint32_t worker);

  // Manager. Begins a period and returns its number: it is over when every online worker has ticked
  // since.
  uint64_t Begin();
  bool IsOver(uint64_t period) const;
  // Indices of the online workers that have not ticked since `period` began.
  std::vector<uint32_t> Missing(uint64_t period) const;
  // Polls until the period is over; DeadlineExceeded names the workers that hang.
  absl::Status Wait(uint64_t period, absl::Duration bound) const;

 private:
  // worker: wo, manager: ro. A line of its own: a tick must not disturb another worker.
  struct alignas(64) Seen {
    std::atomic<uint64_t> period{0};  // 0: offline
  };
  alignas(64) std::atomic<uint64_t> period_{1};  // manager: wo, workers: ro
  std::vector<Seen> seen_;
};

template <typename T>
class QuiescentSwap {
 public:
  explicit QuiescentSwap(uint32_t worker_count) : ticks_(worker_count) {}
  ~QuiescentSwap() { delete current_.load(std::memory_order_relaxed); }

  // Workers.
  void Online(uint32_t worker) { ticks_.Online(worker); }
  void Offline(uint32_t worker) { ticks_.Offline(worker); }
  void Tick(uint32_t worker) { ticks_.Tick(worker); }
  // Null before the first Publish(). Valid until this worker's next Tick() or Offline().
  // Acquire: without it the worker could see the pointer before what it points to.
  const T* Acquire() const { return current_.load(std::memory_order_acquire); }

  // Manager. The former object is kept until its period is over.
  void Publish(std::unique_ptr<const T> next) {
    // Release: without it a worker could see the pointer and not yet the content.
    const T* old = current_.exchange(next.release(), std::memory_order_acq_rel);
    const uint64_t period = ticks_.Begin();
    if (old != nullptr) retired_.emplace_back(period, std::unique_ptr<const T>(old));
    last_period_ = period;
  }
  // Until no worker can hold anything but the current object. DeadlineExceeded names who hangs.
  absl::Status Wait(absl::Duration bound) const { return ticks_.Wait(last_period_, bound); }
  std::vector<uint32_t> Missing() const { return ticks_.Missing(last_period_); }
  // Former objects that nobody can hold any more, oldest first: theirs is the caller's now.
  std::vector<std::unique_ptr<const T>> Reclaim() {
    std::vector<std::unique_ptr<const T>> free;
    size_t done = 0;
    while (done < retired_.size() && ticks_.IsOver(retired_[done].first)) {
      free.push_back(std::move(retired_[done++].second));
    }
    retired_.erase(retired_.begin(), retired_.begin() + static_cast<ptrdiff_t>(done));
    return free;
  }
  size_t retired_count() const { return retired_.size(); }
  const T* current() const { return current_.load(std::memory_order_relaxed); }  // manager

 private:
  QuiescentTicks ticks_;
  alignas(64) std::atomic<const T*> current_{nullptr};  // manager: wo, workers: ro
  std::vector<std::pair<uint64_t, std::unique_ptr<const T>>> retired_;
  uint64_t last_period_ = 0;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_QUIESCENT_H_
