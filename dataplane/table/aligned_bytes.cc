#include "dataplane/table/aligned_bytes.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace evenkeel {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = 2u << 20;

// Zeros from the kernel, aligned to a huge page: maps more and gives the edges back.
std::byte* MapHuge(size_t size) {
  void* room =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) std::abort();  // out of memory ends the process, as with operator new
  auto* start = static_cast<std::byte*>(room);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (before != 0) munmap(start, before);
  munmap(start + before + size, kHugePage - before);
  (void)madvise(start + before, size, MADV_HUGEPAGE);  // only a wish
  return start + before;
}

}  // namespace

AlignedBytes::Block AlignedBytes::Allocate(size_t size) {
  if (size >= kHugePage) {
    const size_t mapped = (size + kHugePage - 1) / kHugePage * kHugePage;
    return Block(MapHuge(mapped), Free{mapped});
  }
  void* data = nullptr;
  if (posix_memalign(&data, kAlignment, size == 0 ? 1 : size) != 0) std::abort();
  std::memset(data, 0, size);
  return Block(static_cast<std::byte*>(data), Free{0});
}

void AlignedBytes::Free::operator()(std::byte* data) const {
  if (mapped != 0) {
    munmap(data, mapped);
  } else {
    free(data);
  }
}

}  // namespace evenkeel
