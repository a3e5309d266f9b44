// An array map mapped into this process: its records as plain memory, shared with the program.
//
//   absl::StatusOr<MapMemory> map = MapMemory::Map(std::move(fd));
//   map->As<lb_vip>()[3] = vip;   // the program sees it
//
// The program reads and writes at the same time: what both touch goes through words that are never
// seen half written (see map_writer.h).
#ifndef BPF_MAP_MEMORY_H_
#define BPF_MAP_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class MapMemory {
 public:
  MapMemory() = default;
  static absl::StatusOr<MapMemory> Map(UniqueFd fd);
  // An array map of this process' making, for records of `record_size` bytes.
  static absl::StatusOr<MapMemory> Create(const char* name, uint32_t record_size, uint32_t entries);
  static absl::StatusOr<MapMemory> Open(const std::string& pin);

  absl::Status Pin(const std::string& path) const;

  int fd() const { return fd_.get(); }
  uint32_t entries() const { return entries_; }
  uint32_t record_size() const { return record_size_; }

  template <typename Record>
  std::span<Record> As() const {
    return {reinterpret_cast<Record*>(region_.data()),
            size_t{entries_} * record_size_ / sizeof(Record)};
  }

 private:
  UniqueFd fd_;
  MappedRegion region_;
  uint32_t entries_ = 0;
  uint32_t record_size_ = 0;
};

}  // namespace evenkeel

#endif  // BPF_MAP_MEMORY_H_
