// The whole way of an image under load: control publishes over the real channel, the plane verifies
// and swaps, workers read all the while. The rows check themselves: a slot's backend must belong to
// the pool of the service whose table it is, and everything must bear one generation.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "dataplane/table/channel_client.h"
#include "dataplane/table/plane_endpoint.h"
#include "dataplane/table/quiescent.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/test_directory.h"

namespace evenkeel {
namespace {

constexpr uint32_t kWorkers = 3;

// What a plane's manager makes of an image.
struct Generation {
  std::shared_ptr<const ImageView> image;
};

// Faults found in one look at a generation.
uint64_t Faults(const ImageView& image, std::mt19937& random) {
  uint64_t faults = image.params().generation != image.generation();
  for (const lb_service& service : image.services()) {
    const auto* slots = reinterpret_cast<const lb_slot*>(service.plane_word);
    const uint64_t hash = (uint64_t{random()} << 32) | random();
    const lb_backend& backend =
        image.backends()[lb_slot_backend(slots[hash >> service.slot_shift])];
    faults += backend.pool != service.pool;
    faults += image.members_of(image.pools()[service.pool])[backend.pool_pos].slots == 0;
    faults += service.counter_base + backend.pool_pos >= image.counter_count();
  }
  return faults;
}

struct WorkerResult {
  uint64_t bursts = 0;
  uint64_t faults = 0;
  uint64_t backwards = 0;
};

WorkerResult RunWorker(QuiescentSwap<Generation>& swap, uint32_t worker,
                       const std::atomic<bool>& stop) {
  WorkerResult result;
  std::mt19937 random(worker);
  uint64_t last = 0;
  swap.Online(worker);
  while (!stop.load(std::memory_order_relaxed)) {
    swap.Tick(worker);
    const Generation* now = swap.Acquire();
    if (now == nullptr) continue;
    result.faults += Faults(*now->image, random);
    result.backwards += now->image->generation() < last;
    last = now->image->generation();
    result.bursts++;
    std::this_thread::yield();  // there may be fewer cores than threads
  }
  swap.Offline(worker);
  return result;
}

ImageSpec Shifted(uint64_t generation) {
  ImageSpec spec = SmallSpec(generation);
  const auto weight = static_cast<uint32_t>(generation % 40 + 1);
  spec.pools[0] = MakePool("web", {weight, 20, 70}, 0);
  // Now and then the whole layout moves.
  if (generation % 3 == 0) std::swap(spec.services[0], spec.services[1]);
  if (generation % 5 == 0) spec.services.pop_back();
  return spec;
}

TEST(PublicationStressTest, WorkersNeverSeeATornImage) {
  const TestDirectory dir;
  QuiescentSwap<Generation> swap(kWorkers);
  PlaneEndpoint::Callbacks callbacks;
  callbacks.install = [&](std::shared_ptr<const ImageView> image) {
    swap.Publish(std::make_unique<const Generation>(Generation{std::move(image)}));
    const absl::Status waited = swap.Wait(absl::Seconds(60));
    swap.Reclaim();
    return waited;
  };
  callbacks.fill_stats = [](StatsSnapshot*) {};
  PlaneEndpoint::Options options;
  options.socket_path = dir / "plane.sock";
  options.state_dir = dir / "state";
  options.worker_count = kWorkers;
  auto endpoint = PlaneEndpoint::Create(options, callbacks);
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();

  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  std::vector<WorkerResult> results(kWorkers);
  for (uint32_t w = 0; w < kWorkers; w++) {
    threads.emplace_back([&, w] { results[w] = RunWorker(swap, w, stop); });
  }
  threads.emplace_back([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      pollfd ready{(*endpoint)->poll_fd(), POLLIN, 0};
      if (poll(&ready, 1, 20) == 1) (*endpoint)->HandleReady();
    }
  });

  auto client = ChannelClient::Connect(dir / "plane.sock", absl::Seconds(60));
  ASSERT_TRUE(client.ok()) << client.status();
  uint64_t generation = 0;
  const absl::Time until = absl::Now() + absl::Seconds(3);
  absl::Status published;
  while (published.ok() && (generation < 20 || absl::Now() < until)) {
    const ImageSpec spec = Shifted(++generation);
    published = (*client)->Publish(MustBuild(spec).bytes(), TablesOf(spec), absl::Seconds(60));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(published, absl::OkStatus());
  for (const WorkerResult& result : results) {
    EXPECT_EQ(result.faults, 0u);
    EXPECT_EQ(result.backwards, 0u);
    EXPECT_GT(result.bursts, 0u);
  }
}

}  // namespace
}  // namespace evenkeel
