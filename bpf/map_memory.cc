#include "bpf/map_memory.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {

absl::StatusOr<MapMemory> MapMemory::Map(UniqueFd fd) {
  bpf_map_info info{};
  uint32_t info_size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &info_size) != 0) {
    return absl::ErrnoToStatus(errno, "cannot ask for a BPF map");
  }
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  // An array map lays its records out at multiples of eight bytes.
  const size_t bytes = size_t{info.max_entries} * ((info.value_size + 7) / 8 * 8);
  const size_t size = (bytes + page - 1) / page * page;
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (address == MAP_FAILED) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot map the BPF map ", info.name));
  }
  MapMemory map;
  map.fd_ = std::move(fd);
  map.region_ = MappedRegion(address, size);
  map.entries_ = info.max_entries;
  map.record_size_ = info.value_size;
  return map;
}

absl::StatusOr<MapMemory> MapMemory::Create(const char* name, uint32_t record_size,
                                            uint32_t entries) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
  UniqueFd fd(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), record_size, entries, &options));
  if (!fd.valid()) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot make the BPF map ", name, " of ", entries, " entries"));
  }
  return Map(std::move(fd));
}

absl::StatusOr<MapMemory> MapMemory::Open(const std::string& pin) {
  UniqueFd fd(bpf_obj_get(pin.c_str()));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", pin));
  return Map(std::move(fd));
}

absl::Status MapMemory::Pin(const std::string& path) const {
  if (bpf_obj_pin(fd_.get(), path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

}  // namespace evenkeel
