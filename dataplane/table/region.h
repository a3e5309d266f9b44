// Memory that two processes share: descriptors, mappings and sealed memfds as move-only values.
//
//   absl::StatusOr<UniqueFd> fd = MakeSealedMemfd("evk-table", bytes);   // sender: nobody can
//   write it again absl::StatusOr<MappedRegion> region = MapSealed(*fd, size);          //
//   receiver: checks seals and size first
//
// A region that is sealed against shrinking cannot raise SIGBUS in its reader.
#ifndef DATAPLANE_TABLE_REGION_H_
#define DATAPLANE_TABLE_REGION_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace evenkeel {

// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// Owns a mapping.
class MappedRegion {
 public:
  MappedRegion() = default;
  MappedRegion(void* address, size_t size) : address_(address), size_(size) {}
  MappedRegion(MappedRegion&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedRegion& operator=(MappedRegion&& other) noexcept;
  ~MappedRegion() { Reset(); }

  std::byte* data() const { return static_cast<std::byte*>(address_); }
  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data(), size_}; }
  void Reset();

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

// Which seals a memfd bears.
inline constexpr unsigned kSealsContent =
    0x000f;  // F_SEAL_SEAL|SHRINK|GROW|WRITE: nothing can change
inline constexpr unsigned kSealsSize =
    0x0007;  // F_SEAL_SEAL|SHRINK|GROW: content may change, size not

// A memfd with `bytes`, unmapped by the writer and sealed against every change.
absl::StatusOr<UniqueFd> MakeSealedMemfd(const char* name, std::span<const std::byte> bytes);

// The same with the first `size` bytes of a file, which the kernel copies. OutOfRange when it has
// fewer.
absl::StatusOr<UniqueFd> MakeSealedMemfdFrom(const char* name, int file, size_t size);

// A memfd of zeros whose size is sealed and whose content stays writable: mailbox, statistics.
absl::StatusOr<UniqueFd> MakeSharedMemfd(const char* name, size_t size);

// OK when `fd` is a memfd of exactly `size` bytes that bears at least `seals`.
absl::Status CheckSeals(int fd, unsigned seals, size_t size);
// Size of a descriptor in bytes.
absl::StatusOr<size_t> SizeOf(int fd);

// Read-only and private, after CheckSeals(kSealsContent).
absl::StatusOr<MappedRegion> MapSealed(int fd, size_t size);
// Shared, after CheckSeals(kSealsSize); read-only unless `writable`.
enum class Access { kRead, kReadWrite };
absl::StatusOr<MappedRegion> MapShared(int fd, size_t size, Access access);

absl::StatusOr<UniqueFd> Duplicate(int fd);

// Raises RLIMIT_NOFILE to its hard limit: a plane holds one descriptor for each table. Called once
// by main().
absl::Status RaiseDescriptorLimit();

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_REGION_H_
