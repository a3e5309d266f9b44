#include "dataplane/table/quiescent.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"

namespace evenkeel {
namespace {

TEST(QuiescentSwapTest, NobodyOnlineMeansNothingToWaitFor) {
  QuiescentSwap<int> swap(2);
  EXPECT_EQ(swap.Acquire(), nullptr);
  swap.Publish(std::make_unique<const int>(1));
  swap.Publish(std::make_unique<const int>(2));
  EXPECT_EQ(swap.Wait(absl::ZeroDuration()), absl::OkStatus());
  const auto freed = swap.Reclaim();
  ASSERT_EQ(freed.size(), 1u);
  EXPECT_EQ(*freed[0], 1);
  EXPECT_EQ(*swap.Acquire(), 2);
}

TEST(QuiescentSwapTest, WorkerThatHangsDelaysOnlyTheFreeing) {
  QuiescentSwap<int> swap(3);
  swap.Online(0);
  swap.Online(2);
  swap.Publish(std::make_unique<const int>(1));
  const int* held = swap.Acquire();
  swap.Publish(std::make_unique<const int>(2));
  swap.Tick(0);
  const absl::Status status = swap.Wait(absl::Milliseconds(5));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_NE(status.message().find("worker 2 has not come round"), absl::string_view::npos)
      << status;
  EXPECT_EQ(swap.Missing(), std::vector<uint32_t>{2});
  EXPECT_TRUE(swap.Reclaim().empty());
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(*swap.Acquire(), 2);
  swap.Tick(2);
  EXPECT_EQ(swap.Wait(absl::ZeroDuration()), absl::OkStatus());
  EXPECT_EQ(swap.Reclaim().size(), 1u);
}

TEST(QuiescentSwapTest, EveryPeriodIsItsOwn) {
  QuiescentSwap<int> swap(1);
  swap.Online(0);
  swap.Publish(std::make_unique<const int>(1));
  swap.Publish(std::make_unique<const int>(2));
  swap.Tick(0);
  swap.Publish(std::make_unique<const int>(3));
  const auto freed = swap.Reclaim();
  ASSERT_EQ(freed.size(), 1u);
  EXPECT_EQ(*freed[0], 1);
  EXPECT_EQ(swap.retired_count(), 1u);
  swap.Offline(0);
  EXPECT_EQ(*swap.Reclaim().at(0), 2);
}

// Rows that tell by themselves whether they were torn or freed under a reader.
struct Rows {
  struct Row {
    uint64_t key;
    uint64_t generation;
    uint64_t check;
  };
  static constexpr size_t kCount = 64;
  static uint64_t Check(uint64_t key, uint64_t generation) {
    return (key + 1) * 0x9e3779b97f4a7c15ull ^ (generation * 0xbf58476d1ce4e5b9ull);
  }

  explicit Rows(uint64_t generation) {
    for (uint64_t key = 0; key < kCount; key++) {
      row[key] = {key, generation, Check(key, generation)};
    }
  }
  ~Rows() {
    for (Row& r : row) const_cast<volatile uint64_t&>(r.check) = 0xdeaddeaddeaddead;
  }
  bool IsWhole() const {
    for (uint64_t key = 0; key < kCount; key++) {
      const Row& r = row[key];
      if (r.key != key || r.generation != row[0].generation ||
          r.check != Check(key, row[0].generation)) {
        return false;
      }
    }
    return true;
  }

  Row row[kCount];
};

struct WorkerResult {
  uint64_t reads = 0;
  uint64_t torn = 0;
  uint64_t backwards = 0;
};

WorkerResult RunWorker(QuiescentSwap<Rows>& swap, uint32_t worker, const std::atomic<bool>& stop) {
  WorkerResult result;
  std::mt19937 random(worker);
  uint64_t last = 0;
  swap.Online(worker);
  while (!stop.load(std::memory_order_relaxed)) {
    swap.Tick(worker);
    const Rows* rows = swap.Acquire();
    for (int i = 0; i < 4 && rows != nullptr; i++) {
      result.torn += !rows->IsWhole();
      result.backwards += rows->row[0].generation < last;
      last = rows->row[0].generation;
      result.reads++;
    }
    if (random() % 64 != 0) continue;
    swap.Offline(worker);
    if (random() % 4 == 0) std::this_thread::yield();
    swap.Online(worker);
  }
  swap.Offline(worker);
  return result;
}

TEST(QuiescentSwapStressTest, NoWorkerEverSeesATornOrFreedObject) {
  constexpr uint32_t kWorkers = 4;
  QuiescentSwap<Rows> swap(kWorkers);
  std::atomic<bool> stop = false;
  std::vector<WorkerResult> results(kWorkers);
  std::vector<std::thread> workers;
  for (uint32_t w = 0; w < kWorkers; w++) {
    workers.emplace_back([&, w] { results[w] = RunWorker(swap, w, stop); });
  }
  uint64_t published = 0;
  uint64_t reclaimed = 0;
  const absl::Time until = absl::Now() + absl::Seconds(2);
  while (absl::Now() < until) {
    swap.Publish(std::make_unique<const Rows>(++published));
    if (published % 8 == 0) {
      EXPECT_EQ(swap.Wait(absl::Seconds(60)), absl::OkStatus());
    }
    reclaimed += swap.Reclaim().size();
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  reclaimed += swap.Reclaim().size();
  EXPECT_EQ(reclaimed, published - 1);
  for (const WorkerResult& result : results) {
    EXPECT_EQ(result.torn, 0u);
    EXPECT_EQ(result.backwards, 0u);
    EXPECT_GT(result.reads, 0u);
  }
  EXPECT_GT(published, 100u);
}

// At rest a tick reads two lines that nobody writes: a bound so wide that only a wrong shape breaks
// it.
TEST(QuiescentSwapPerformanceTest, TickAtRestCostsNanoseconds) {
  QuiescentTicks ticks(1);
  ticks.Online(0);
  constexpr int kTicks = 1'000'000;
  const absl::Time start = absl::Now();
  for (int i = 0; i < kTicks; i++) ticks.Tick(0);
  const double each = absl::ToDoubleNanoseconds(absl::Now() - start) / kTicks;
  RecordProperty("ns_per_tick", std::to_string(each));
  EXPECT_LT(each, 500);
}

}  // namespace
}  // namespace evenkeel
