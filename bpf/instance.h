// The XDP program, loaded once, with the maps that were made for it.
//
// Maps of a kind hold LB_SETS sets of records (lb_shared.h). How many a set has room for is decided
// when the program is loaded and never changes: what outgrows it needs another instance.
//
//   absl::StatusOr<std::unique_ptr<Instance>> instance = Instance::Load(sizes, cpu_maps);
//   instance->Pin(folder);  ...  instance = Instance::Open(folder);   // after a restart
#ifndef BPF_INSTANCE_H_
#define BPF_INSTANCE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/lb_shared.h"
#include "bpf/map_memory.h"
#include "dataplane/table/region.h"
#include "dataplane/table/sample_rings.h"

namespace evenkeel {

// Every map as memory. writer: rw. The program: ro, but for the counters.
struct LbMaps {
  lb_map_sizes sizes{};
  uint64_t* root_word = nullptr;
  lb_trial* trial = nullptr;  // the program: its state rw
  std::span<lb_port> ports;
  std::span<lb_params> params;
  std::span<lb_vip> vips;
  std::span<lb_vip_row> vip_rows;
  std::span<lb_port_row> port_rows;
  std::span<lb_port_range> port_ranges;
  std::span<lb_service> services;
  std::span<lb_backend> backends;
  std::span<lb_transition> transitions;
  std::span<lb_pool> pools;
  std::span<uint64_t> next_hops;
  std::span<lb_slot_row> slot_rows;
  std::span<std::byte> roots;
  std::span<lb_counter> counters;  // the program: rw, writer: ro, and rw in a retired set
};

// How large the tables of tracked flows are, for as long as the plane lives.
struct FlowSizes {
  uint32_t buckets = 65536;  // a queue: 4 MiB, 524,288 flows. 1: flows are not tracked
  uint32_t queues = 1;
};

// What outlives an instance. The program: rw, writer: ro.
struct CpuMaps {
  MapMemory cpus;
  MapMemory recent;
  MapMemory flows;
  MapMemory flow_heads;
  MapMemory sample_rings;  // writer: rw in its lines
  MapMemory samples;

  std::vector<SampleRing> rings() const;  // one a CPU

  // Both sizes are powers of two.
  static absl::StatusOr<CpuMaps> Create(const FlowSizes& sizes);
  static absl::StatusOr<CpuMaps> Open(const std::string& folder);
  absl::Status Pin(const std::string& folder) const;
};

class Instance {
 public:
  // ResourceExhausted, PermissionDenied, or Internal with the end of the verifier's log.
  static absl::StatusOr<std::unique_ptr<Instance>> Load(lb_map_sizes sizes, const CpuMaps& cpus);
  static absl::StatusOr<std::unique_ptr<Instance>> Open(const std::string& folder);

  absl::Status Pin(const std::string& folder) const;

  const LbMaps& maps() const { return maps_; }
  int program() const { return program_.get(); }
  absl::StatusOr<uint32_t> program_id() const;

 private:
  Instance() = default;
  absl::Status FindMaps(std::vector<MapMemory> maps);

  UniqueFd program_;
  std::vector<MapMemory> memory_;
  LbMaps maps_;
};

// Eight hex digits of the program's object: another build, another name.
std::string ObjectName();

}  // namespace evenkeel

#endif  // BPF_INSTANCE_H_
