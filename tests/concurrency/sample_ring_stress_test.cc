// A worker that writes samples as fast as it can and control that reads them now and then: no
// record is torn, lost without being counted, or seen twice. Records check themselves.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "dataplane/table/sample_rings.h"

namespace evenkeel {
namespace {

// Every byte of a record follows from its number.
lb_sample Numbered(uint64_t number) {
  uint64_t words[sizeof(lb_sample) / 8];
  for (size_t i = 0; i < std::size(words); ++i) words[i] = number * 0x9e3779b97f4a7c15ull + i;
  lb_sample sample;
  std::memcpy(&sample, words, sizeof(sample));
  return sample;
}

uint64_t FirstWord(const lb_sample& sample) {
  uint64_t word;
  std::memcpy(&word, &sample, sizeof(word));
  return word;
}

TEST(SampleRingStressTest, EveryRecordIsReadWholeAndOnceOrCountedAsDropped) {
  absl::StatusOr<SampleMemory> memory = SampleMemory::Create(1);
  ASSERT_TRUE(memory.ok()) << memory.status();
  const SampleRing ring = memory->ring(0);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> offered = 0;
  std::vector<bool> was_taken;
  std::thread writer([&] {
    SampleWriter out(ring);
    uint64_t number = 0;
    while (!stop) {
      was_taken.push_back(out.Put(Numbered(number)));
      ++number;
    }
    offered = number;
  });
  std::vector<lb_sample> read;
  const absl::Time until = absl::Now() + absl::Milliseconds(700);
  while (absl::Now() < until) {
    TakeSamples(ring, &read);
    if (read.size() > 1'000'000) break;
  }
  stop = true;
  writer.join();
  TakeSamples(ring, &read);

  size_t at = 0;
  for (uint64_t number = 0; number < offered; ++number) {
    if (!was_taken[number]) continue;
    ASSERT_LT(at, read.size());
    const lb_sample expected = Numbered(number);
    ASSERT_EQ(std::memcmp(&read[at], &expected, sizeof(expected)), 0)
        << "record " << at << " begins with " << FirstWord(read[at]);
    ++at;
  }
  EXPECT_EQ(at, read.size());
  EXPECT_EQ(read.size() + DroppedSamples(ring), offered);
  EXPECT_GT(read.size(), 0u);
}

}  // namespace
}  // namespace evenkeel
