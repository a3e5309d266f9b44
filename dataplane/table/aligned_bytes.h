// A private, cache-line aligned block of bytes that starts as zeros: a root under construction or
// under verification. Move-only; one owner, one thread.
//
// Large blocks ask for huge pages: a root of 60,000 backends is 5 MB, and neither its copy (page
// faults) nor a worker's look-ups in it (TLB) should pay for 4 KiB pages. Small ones lie on the
// heap in their exact size, where AddressSanitizer sees a read beyond them.
#ifndef DATAPLANE_TABLE_ALIGNED_BYTES_H_
#define DATAPLANE_TABLE_ALIGNED_BYTES_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace evenkeel {

class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) : data_(Allocate(size)), size_(size) {}
  static AlignedBytes CopyOf(std::span<const std::byte> bytes) {
    AlignedBytes copy(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
    return copy;
  }

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {data(), size_}; }
  std::span<const std::byte> bytes() const { return {data(), size_}; }

 private:
  struct Free {
    size_t mapped;  // bytes; 0: from the heap
    void operator()(std::byte* data) const;
  };
  using Block = std::unique_ptr<std::byte, Free>;
  static Block Allocate(size_t size);

  Block data_;
  size_t size_ = 0;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_ALIGNED_BYTES_H_
