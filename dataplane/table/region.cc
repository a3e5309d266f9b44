#include "dataplane/table/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

static_assert(kSealsContent == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
static_assert(kSealsSize == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW));

absl::Status Failed(absl::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("shared memory: ", what, " failed"));
}

absl::StatusOr<UniqueFd> MakeMemfd(const char* name, size_t size) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Failed("memfd_create");
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return Failed("ftruncate");
  return fd;
}

absl::Status AddSeals(int fd, unsigned seals) {
  return fcntl(fd, F_ADD_SEALS, seals) == 0 ? absl::OkStatus() : Failed("adding seals");
}

absl::StatusOr<MappedRegion> Map(int fd, size_t size, int protection, int flags) {
  void* address = mmap(nullptr, size, protection, flags, fd, 0);
  if (address == MAP_FAILED) return Failed(absl::StrCat("mapping ", size, " bytes"));
  return MappedRegion(address, size);
}

// By write() and not through a mapping: F_SEAL_WRITE is refused while a writable mapping exists.
absl::Status WriteAll(int fd, std::span<const std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Failed("writing");
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

void UniqueFd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

MappedRegion& MappedRegion::operator=(MappedRegion&& other) noexcept {
  if (this != &other) {
    Reset();
    address_ = std::exchange(other.address_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedRegion::Reset() {
  if (address_ != nullptr) munmap(address_, size_);
  address_ = nullptr;
  size_ = 0;
}

absl::StatusOr<UniqueFd> MakeSealedMemfd(const char* name, std::span<const std::byte> bytes) {
  absl::StatusOr<UniqueFd> fd = MakeMemfd(name, bytes.size());
  if (!fd.ok()) return fd;
  if (absl::Status status = WriteAll(fd->get(), bytes); !status.ok()) return status;
  if (absl::Status status = AddSeals(fd->get(), kSealsContent); !status.ok()) return status;
  return fd;
}

absl::StatusOr<UniqueFd> MakeSealedMemfdFrom(const char* name, int file, size_t size) {
  absl::StatusOr<UniqueFd> fd = MakeMemfd(name, size);
  if (!fd.ok()) return fd;
  off_t from = 0;
  while (static_cast<size_t>(from) < size) {
    const ssize_t n = sendfile(fd->get(), file, &from, size - static_cast<size_t>(from));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("copying a file");
    if (n == 0) return absl::OutOfRangeError("the file is shorter than expected");
  }
  if (absl::Status status = AddSeals(fd->get(), kSealsContent); !status.ok()) return status;
  return fd;
}

absl::StatusOr<UniqueFd> MakeSharedMemfd(const char* name, size_t size) {
  absl::StatusOr<UniqueFd> fd = MakeMemfd(name, size);
  if (!fd.ok()) return fd;
  if (absl::Status status = AddSeals(fd->get(), kSealsSize); !status.ok()) return status;
  return fd;
}

absl::Status CheckSeals(int fd, unsigned seals, size_t size) {
  const int present = fcntl(fd, F_GET_SEALS);
  if (present < 0) return absl::InvalidArgumentError("the descriptor is not a memfd with seals");
  if ((static_cast<unsigned>(present) & seals) != seals) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the memfd bears the seals 0x", absl::Hex(present), ", not all of 0x", absl::Hex(seals)));
  }
  // After the seals: now the size can no longer change.
  const absl::StatusOr<size_t> actual = SizeOf(fd);
  if (!actual.ok()) return actual.status();
  if (*actual != size) {
    return absl::InvalidArgumentError(
        absl::StrCat("the memfd has ", *actual, " bytes, ", size, " were announced"));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> SizeOf(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return Failed("fstat");
  return static_cast<size_t>(info.st_size);
}

absl::StatusOr<MappedRegion> MapSealed(int fd, size_t size) {
  if (absl::Status status = CheckSeals(fd, kSealsContent, size); !status.ok()) return status;
  return Map(fd, size, PROT_READ, MAP_PRIVATE);
}

absl::StatusOr<MappedRegion> MapShared(int fd, size_t size, Access access) {
  if (absl::Status status = CheckSeals(fd, kSealsSize, size); !status.ok()) return status;
  const int protection = access == Access::kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  return Map(fd, size, protection, MAP_SHARED);
}

absl::StatusOr<UniqueFd> Duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Failed("duplicating a descriptor");
  return copy;
}

absl::Status RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return Failed("reading the descriptor limit");
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? absl::OkStatus()
                                               : Failed("raising the descriptor limit");
}

}  // namespace evenkeel
