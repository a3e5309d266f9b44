// The rings of sampled headers (sample_records.h), from both ends.
//
// A ring has one writer and one reader, which share no lock: the writer fills records and then
// moves `head`, the reader copies them and then moves `tail`. What finds the ring full is dropped
// and counted, so a record is never written while it may be read.
//
//   plane:    SampleMemory memory = *SampleMemory::Create(workers);     // memory.fd() to control
//             SampleWriter writer(memory.ring(0)); writer.Put(sample);
//   control:  SampleMemory memory = *SampleMemory::Open(fd, size);
//             for (SampleRing& ring : memory.rings()) TakeSamples(ring, &samples);
#ifndef DATAPLANE_TABLE_SAMPLE_RINGS_H_
#define DATAPLANE_TABLE_SAMPLE_RINGS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/region.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

// Where a ring lies; whoever mapped the memory keeps it.
struct SampleRing {
  lb_sample_ring* head = nullptr;
  lb_sample* records = nullptr;  // LB_SAMPLES_PER_RING of them
};

// Rings in a memfd whose size is sealed. Both sides write it, each its own lines.
class SampleMemory {
 public:
  static constexpr uint32_t kRingsMax = 1024;

  static absl::StatusOr<SampleMemory> Create(uint32_t rings);
  // InvalidArgument where the size is not that of `rings` rings, or a seal is missing.
  static absl::StatusOr<SampleMemory> Open(UniqueFd fd, uint32_t rings);

  static size_t SizeFor(uint32_t rings);

  int fd() const { return fd_.get(); }
  uint32_t count() const { return count_; }
  SampleRing ring(uint32_t i) const;

 private:
  SampleMemory(UniqueFd fd, MappedRegion region, uint32_t count)
      : fd_(std::move(fd)), region_(std::move(region)), count_(count) {}

  UniqueFd fd_;
  MappedRegion region_;
  uint32_t count_;
};

// The writing end: one thread. Never waits.
class SampleWriter {
 public:
  // A ring that had a writer before goes on where it stood.
  explicit SampleWriter(const SampleRing& ring)
      : ring_(ring), head_(__atomic_load_n(&ring.head->head, __ATOMIC_RELAXED)) {}

  // False: the ring is full, and the sample is lost.
  bool Put(const lb_sample& sample) {
    // Acquire: the reader has copied what lies in the place before it is written again.
    const uint64_t tail = __atomic_load_n(&ring_.head->tail, __ATOMIC_ACQUIRE);
    if (head_ - tail >= LB_SAMPLES_PER_RING) {
      __atomic_store_n(&ring_.head->dropped, ring_.head->dropped + 1, __ATOMIC_RELAXED);
      return false;
    }
    ring_.records[head_ % LB_SAMPLES_PER_RING] = sample;
    // Release: who sees the new head sees the record.
    __atomic_store_n(&ring_.head->head, ++head_, __ATOMIC_RELEASE);
    return true;
  }
  // One packet in so many is wanted; 0: none.
  uint32_t every() const { return __atomic_load_n(&ring_.head->every, __ATOMIC_RELAXED); }

 private:
  SampleRing ring_;
  uint64_t head_;  // never read back from memory that another process can write
};

// The reading end: one thread. Appends all that is there.
void TakeSamples(const SampleRing& ring, std::vector<lb_sample>* samples);
// Samples that were lost, ever.
uint64_t DroppedSamples(const SampleRing& ring);
// From now on one packet in so many; 0: none. Others may read it meanwhile.
void SetSampleRate(const SampleRing& ring, uint32_t every);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_SAMPLE_RINGS_H_
