#include "dataplane/table/flow_region.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " the flow table ", path));
}

// On hugetlbfs a file is a whole number of huge pages.
uint64_t FileSize(int fd, uint32_t buckets) {
  const uint64_t size = LB_FLOW_HEADER_BYTES + uint64_t{buckets} * sizeof(lb_flow_bucket);
  struct statfs facts {};
  const uint64_t page = fstatfs(fd, &facts) == 0 ? static_cast<uint64_t>(facts.f_bsize) : 4096;
  return (size + page - 1) / page * page;
}

absl::StatusOr<MappedRegion> Map(int fd, size_t size, Access access, const std::string& path) {
  const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  void* address = mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return Failed("map", path);
  return MappedRegion(address, size);
}

absl::Status CheckHeader(const lb_flow_file& file, uint64_t size, const std::string& path) {
  if (file.magic != LB_FLOW_MAGIC || file.abi != LB_FLOW_ABI) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is no flow table of this version"));
  }
  const BootId boot = CurrentBootId();
  if (std::memcmp(file.boot_id, boot.data(), boot.size()) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is of another boot"));
  }
  if (!std::has_single_bit(file.buckets) || file.size != size || file.worker >= file.workers ||
      LB_FLOW_HEADER_BYTES + uint64_t{file.buckets} * sizeof(lb_flow_bucket) > size) {
    return absl::DataLossError(
        absl::StrCat(path, ": size, buckets and workers do not fit together"));
  }
  return absl::OkStatus();
}

}  // namespace

BootId CurrentBootId() {
  BootId id{};
  const UniqueFd fd(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[36];
  if (!fd.valid() || read(fd.get(), text, sizeof(text)) != sizeof(text)) return id;
  size_t digits = 0;
  for (const char c : text) {
    if (c == '-' || digits == 32) continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    id[digits / 2] = static_cast<uint8_t>(id[digits / 2] << 4 | (value & 15));
    ++digits;
  }
  return id;
}

absl::StatusOr<FlowRegion> FlowRegion::Create(const std::string& path, const Shape& shape) {
  const std::string fresh = absl::StrCat(path, ".new");
  unlink(fresh.c_str());
  const UniqueFd fd(open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!fd.valid()) return Failed("create", fresh);
  const uint64_t size = FileSize(fd.get(), shape.buckets);
  // Memory is taken now: what a file system lacks later would end the process.
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      (errno = posix_fallocate(fd.get(), 0, static_cast<off_t>(size))) != 0) {
    absl::Status status = Failed(absl::StrCat("take ", size, " bytes for"), fresh);
    unlink(fresh.c_str());
    return status;
  }
  absl::StatusOr<MappedRegion> mapped = Map(fd.get(), size, Access::kReadWrite, fresh);
  if (!mapped.ok()) return mapped.status();
  FlowRegion region(*std::move(mapped));
  lb_flow_file& file = region.file();
  file.abi = LB_FLOW_ABI;
  file.buckets = shape.buckets;
  file.size = size;
  file.worker = shape.worker;
  file.workers = shape.workers;
  const BootId boot = CurrentBootId();
  std::copy(boot.begin(), boot.end(), file.boot_id);
  __atomic_store_n(&file.magic, LB_FLOW_MAGIC, __ATOMIC_RELEASE);
  if (rename(fresh.c_str(), path.c_str()) != 0) return Failed("put in place", path);
  return region;
}

absl::StatusOr<FlowRegion> FlowRegion::Open(const std::string& path, Access access) {
  const int flags = access == Access::kRead ? O_RDONLY : O_RDWR;
  const UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return Failed("open", path);
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return Failed("look at", path);
  if (facts.st_size < LB_FLOW_HEADER_BYTES) {
    return absl::DataLossError(absl::StrCat(path, " is too short for a flow table"));
  }
  const size_t size = static_cast<size_t>(facts.st_size);
  absl::StatusOr<MappedRegion> mapped = Map(fd.get(), size, access, path);
  if (!mapped.ok()) return mapped.status();
  FlowRegion region(*std::move(mapped));
  if (absl::Status s = CheckHeader(region.file(), size, path); !s.ok()) return s;
  return region;
}

FlowRegion::Shape FlowRegion::shape() const {
  return {.buckets = file().buckets, .worker = file().worker, .workers = file().workers};
}

std::span<lb_flow_bucket> FlowRegion::buckets() const {
  return {reinterpret_cast<lb_flow_bucket*>(region_.data() + LB_FLOW_HEADER_BYTES), file().buckets};
}

void FlowRegion::Recount() {
  uint64_t occupied[LB_ENTRY_CLASSES] = {};
  for (const lb_flow_bucket& bucket : buckets()) {
    for (const uint64_t entry : bucket.entry) ++occupied[lb_entry_class(entry)];
  }
  occupied[LB_ENTRY_FREE] = 0;
  std::copy(std::begin(occupied), std::end(occupied), head().occupied);
}

}  // namespace evenkeel
