#include "dataplane/table/sample_rings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr size_t kPage = 4096;

// The heads come first, then each ring's records.
size_t RecordsOffset(uint32_t rings) {
  return (rings * sizeof(lb_sample_ring) + kPage - 1) / kPage * kPage;
}

}  // namespace

size_t SampleMemory::SizeFor(uint32_t rings) {
  return RecordsOffset(rings) + size_t{rings} * LB_SAMPLES_PER_RING * sizeof(lb_sample);
}

absl::StatusOr<SampleMemory> SampleMemory::Create(uint32_t rings) {
  absl::StatusOr<UniqueFd> fd = MakeSharedMemfd("evenkeel-samples", SizeFor(rings));
  if (!fd.ok()) return fd.status();
  return Open(*std::move(fd), rings);
}

absl::StatusOr<SampleMemory> SampleMemory::Open(UniqueFd fd, uint32_t rings) {
  if (rings == 0 || rings > kRingsMax) {
    return absl::InvalidArgumentError(absl::StrCat("samples of ", rings, " workers"));
  }
  absl::StatusOr<MappedRegion> region = MapShared(fd.get(), SizeFor(rings), Access::kReadWrite);
  if (!region.ok()) return region.status();
  return SampleMemory(std::move(fd), *std::move(region), rings);
}

SampleRing SampleMemory::ring(uint32_t i) const {
  auto* heads = reinterpret_cast<lb_sample_ring*>(region_.data());
  auto* records = reinterpret_cast<lb_sample*>(region_.data() + RecordsOffset(count_));
  return {.head = heads + i, .records = records + size_t{i} * LB_SAMPLES_PER_RING};
}

void TakeSamples(const SampleRing& ring, std::vector<lb_sample>* samples) {
  // Acquire: the records below `head` are whole.
  const uint64_t head = __atomic_load_n(&ring.head->head, __ATOMIC_ACQUIRE);
  uint64_t tail = ring.head->tail;
  // A reader that knows nothing good of the ring, since another wrote its line, begins anew.
  if (head - tail > LB_SAMPLES_PER_RING) tail = head;
  samples->reserve(samples->size() + (head - tail));
  for (; tail != head; ++tail) samples->push_back(ring.records[tail % LB_SAMPLES_PER_RING]);
  // Release: the copies are made before the writer may use the places again.
  __atomic_store_n(&ring.head->tail, tail, __ATOMIC_RELEASE);
}

uint64_t DroppedSamples(const SampleRing& ring) {
  return __atomic_load_n(&ring.head->dropped, __ATOMIC_RELAXED);
}

void SetSampleRate(const SampleRing& ring, uint32_t every) {
  __atomic_store_n(&ring.head->every, every, __ATOMIC_RELAXED);
}

}  // namespace evenkeel
