// Work on many tables spread over the machine's cores: hashing a thousand of them is most of a cold
// start.
#ifndef DATAPLANE_TABLE_PARALLEL_H_
#define DATAPLANE_TABLE_PARALLEL_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace evenkeel {

// Calls work(i) for 0..count-1, each once, from up to four threads, and returns when all are done.
// Calls for different i must not disturb each other. Few items stay on the calling thread.
inline void ParallelFor(size_t count, const std::function<void(size_t)>& work) {
  constexpr size_t kItemsWorthAThread = 16;
  const size_t cores = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  const size_t threads = std::clamp(count / kItemsWorthAThread, size_t{1}, cores);
  const auto run = [&](size_t first) {
    for (size_t i = first; i < count; i += threads) work(i);
  };
  std::vector<std::jthread> others;
  for (size_t first = 1; first < threads; first++) others.emplace_back(run, first);
  run(0);
}

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_PARALLEL_H_
