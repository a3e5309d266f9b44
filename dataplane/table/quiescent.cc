#include "dataplane/table/quiescent.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace evenkeel {

QuiescentTicks::QuiescentTicks(uint32_t worker_count) : seen_(worker_count) {}

void QuiescentTicks::Online(uint32_t worker) {
  std::atomic<uint64_t>& seen = seen_[worker].period;
  uint64_t period = period_.load(std::memory_order_acquire);
  for (;;) {
    // Sequentially consistent, like the manager's step and its look at `seen`: otherwise the worker
    // could read the old period (and the old pointer) while the manager still reads "offline" and
    // frees it.
    seen.store(period, std::memory_order_seq_cst);
    const uint64_t now = period_.load(std::memory_order_seq_cst);
    if (now == period) return;
    period = now;
  }
}

void QuiescentTicks::Offline(uint32_t worker) {
  // Release: the worker's last reads of the object must not slide below the report that it holds
  // none.
  seen_[worker].period.store(0, std::memory_order_release);
}

void QuiescentTicks::Tick(uint32_t worker) {
  // Acquire: who sees this period also sees the pointer that was stored before the period began;
  // without it the worker could report the period and then still take the old pointer.
  const uint64_t period = period_.load(std::memory_order_acquire);
  std::atomic<uint64_t>& seen = seen_[worker].period;
  // At rest the line is only read, so it stays with the worker.
  if (seen.load(std::memory_order_relaxed) == period) return;
  // Release: reads of the old object stay before the report; else it could be freed under them.
  seen.store(period, std::memory_order_release);
}

uint64_t QuiescentTicks::Begin() {
  // Sequentially consistent: see Online(). It also releases the pointer stored before.
  return period_.fetch_add(1, std::memory_order_seq_cst) + 1;
}

bool QuiescentTicks::IsOver(uint64_t period) const {
  return std::ranges::all_of(seen_, [&](const Seen& seen) {
    // Acquires what the worker's Tick() released: freeing must come after the worker's last read.
    // In the single order with Online().
    const uint64_t at = seen.period.load(std::memory_order_seq_cst);
    return at == 0 || at >= period;
  });
}

std::vector<uint32_t> QuiescentTicks::Missing(uint64_t period) const {
  std::vector<uint32_t> missing;
  for (uint32_t worker = 0; worker < seen_.size(); worker++) {
    const uint64_t at = seen_[worker].period.load(std::memory_order_seq_cst);
    if (at != 0 && at < period) missing.push_back(worker);
  }
  return missing;
}

absl::Status QuiescentTicks::Wait(uint64_t period, absl::Duration bound) const {
  const absl::Time deadline = absl::Now() + bound;
  absl::Duration pause = absl::Microseconds(1);
  while (!IsOver(period)) {
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("worker ", absl::StrJoin(Missing(period), ", "), " has not come round for ",
                       absl::FormatDuration(bound), "; what it may still read is kept"));
    }
    absl::SleepFor(pause);
    pause = std::min(2 * pause, absl::Milliseconds(1));
  }
  return absl::OkStatus();
}

}  // namespace evenkeel
