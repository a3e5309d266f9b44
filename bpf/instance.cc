#include "bpf/instance.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bpf/lb_xdp.skel.h"
#include "dataplane/table/digest.h"

namespace evenkeel {
namespace {

constexpr size_t kVerifierLogBytes = 1 << 20;
constexpr size_t kVerifierLogShown = 1200;  // its end tells what was refused

enum MapId {
  kRootWord,
  kTrial,
  kPorts,
  kParams,
  kVips,
  kVipRows,
  kPortRows,
  kPortRanges,
  kServices,
  kBackends,
  kTransitions,
  kPools,
  kNextHops,
  kSlotRows,
  kRoots,
  kCounters,
  kMapCount
};

enum class Held { kOnce, kPerSet, kPerSetAndCpu };

struct MapRow {
  const char* map;  // in the object
  const char* pin;
  Held held;
  uint32_t lb_map_sizes::*records;  // null: one, of its own size
};
constexpr MapRow kMaps[kMapCount] = {
    {".data.root", "root_word", Held::kOnce, nullptr},
    {".data.trial", "trial", Held::kOnce, nullptr},
    {".data.ports", "ports", Held::kOnce, nullptr},
    {".data.params", "params", Held::kOnce, nullptr},
    {"lb_vips", "vips", Held::kPerSet, &lb_map_sizes::vips},
    {"lb_vip_rows", "vip_rows", Held::kPerSet, &lb_map_sizes::vip_rows},
    {"lb_port_rows", "port_rows", Held::kPerSet, &lb_map_sizes::port_rows},
    {"lb_port_ranges", "port_ranges", Held::kPerSet, &lb_map_sizes::port_ranges},
    {"lb_services", "services", Held::kPerSet, &lb_map_sizes::services},
    {"lb_backends", "backends", Held::kPerSet, &lb_map_sizes::backends},
    {"lb_transitions", "transitions", Held::kPerSet, &lb_map_sizes::transitions},
    {"lb_pools", "pools", Held::kPerSet, &lb_map_sizes::pools},
    {"lb_next_hops", "next_hops", Held::kPerSet, &lb_map_sizes::next_hops},
    {"lb_slot_rows", "slot_rows", Held::kOnce, &lb_map_sizes::slot_rows},
    {"lb_roots", "roots", Held::kPerSet, &lb_map_sizes::root_rows},
    {"lb_counters", "counters", Held::kPerSetAndCpu, &lb_map_sizes::counters},
};

uint32_t Multiple(Held held, uint32_t cpus) {
  if (held == Held::kOnce) return 1;
  return held == Held::kPerSet ? LB_SETS : LB_SETS * cpus;
}

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

int DiscardLibbpfMessage(enum libbpf_print_level, const char*, va_list) { return 0; }

absl::Status LoadError(int error, absl::string_view log) {
  switch (error) {
    case EPERM:
    case EACCES:
      if (log.empty()) {
        return absl::PermissionDeniedError(
            "this process may not load BPF programs: run evenkeeld as root, or with CAP_BPF, "
            "CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN");
      }
      break;
    case ENOMEM:
    case E2BIG:
      if (log.empty()) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the kernel has no memory for the XDP program's maps: ", strerror(error)));
      }
      break;
  }
  // The verifier's word for a process that has CAP_BPF without CAP_PERFMON.
  const bool unprivileged = absl::StrContains(log, "for !root");
  if (log.size() > kVerifierLogShown) log.remove_prefix(log.size() - kVerifierLogShown);
  return absl::InternalError(absl::StrCat(
      "this kernel refuses the XDP program (", strerror(error), "); ",
      unprivileged ? "it wants CAP_PERFMON of whoever loads it: run evenkeeld as root, or with it"
                   : "Linux 5.15 or later is needed",
      ". The end of its verifier's log:\n", log.empty() ? "(none)" : log));
}

absl::Status SetSizes(bpf_object* object, const lb_map_sizes& sizes, const CpuMaps& cpus) {
  bpf_map* constants = bpf_object__find_map_by_name(object, ".rodata");
  size_t size = 0;
  void* value =
      constants != nullptr ? const_cast<void*>(bpf_map__initial_value(constants, &size)) : nullptr;
  // The program's only constants.
  if (value == nullptr || size < sizeof(sizes)) {
    return absl::InternalError("the XDP program's object has no lb_map_sizes");
  }
  std::memcpy(value, &sizes, sizeof(sizes));
  for (const MapRow& row : kMaps) {
    if (row.records == nullptr) continue;
    bpf_map* map = bpf_object__find_map_by_name(object, row.map);
    const uint32_t entries = sizes.*row.records * Multiple(row.held, sizes.cpus);
    if (map == nullptr || bpf_map__set_max_entries(map, entries) != 0) {
      return absl::InternalError(absl::StrCat("the XDP program's object has no map ", row.map));
    }
  }
  for (const auto& [name, fd] : {std::pair{"lb_cpus", cpus.cpus.fd()},
                                 {"lb_recent", cpus.recent.fd()},
                                 {"lb_flows", cpus.flows.fd()},
                                 {"lb_flow_heads", cpus.flow_heads.fd()},
                                 {"lb_sample_rings", cpus.sample_rings.fd()},
                                 {"lb_samples", cpus.samples.fd()}}) {
    bpf_map* map = bpf_object__find_map_by_name(object, name);
    if (map == nullptr || bpf_map__reuse_fd(map, fd) != 0) {
      return absl::InternalError(
          absl::StrCat("cannot use the map ", name, " again: ", strerror(errno)));
    }
  }
  return absl::OkStatus();
}

std::span<const std::byte> ObjectBytes() {
  size_t size = 0;
  const void* bytes = lb_xdp_bpf__elf_bytes(&size);
  return {static_cast<const std::byte*>(bytes), size};
}

}  // namespace

std::string ObjectName() { return HexDigest(Sha256(ObjectBytes())).substr(0, 8); }

absl::StatusOr<CpuMaps> CpuMaps::Create(const FlowSizes& sizes) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return absl::InternalError("cannot count the CPUs");
  const uint32_t count = static_cast<uint32_t>(cpus);
  absl::StatusOr<MapMemory> counts = MapMemory::Create("lb_cpus", sizeof(lb_cpu), count);
  if (absl::IsPermissionDenied(counts.status())) return LoadError(EPERM, "");
  if (!counts.ok()) return counts.status();
  absl::StatusOr<MapMemory> recent =
      MapMemory::Create("lb_recent", sizeof(lb_recent_bucket), count * LB_RECENT_BUCKETS);
  if (!recent.ok()) return recent.status();
  absl::StatusOr<MapMemory> flows =
      MapMemory::Create("lb_flows", sizeof(lb_flow_bucket), sizes.queues * sizes.buckets);
  if (!flows.ok()) return flows.status();
  absl::StatusOr<MapMemory> heads =
      MapMemory::Create("lb_flow_heads", sizeof(lb_flow_head), sizes.queues);
  if (!heads.ok()) return heads.status();
  absl::StatusOr<MapMemory> rings =
      MapMemory::Create("lb_sample_rings", sizeof(lb_sample_ring), count);
  if (!rings.ok()) return rings.status();
  absl::StatusOr<MapMemory> samples =
      MapMemory::Create("lb_samples", sizeof(lb_sample), count * LB_SAMPLES_PER_RING);
  if (!samples.ok()) return samples.status();
  return CpuMaps{*std::move(counts), *std::move(recent), *std::move(flows),
                 *std::move(heads),  *std::move(rings),  *std::move(samples)};
}

absl::StatusOr<CpuMaps> CpuMaps::Open(const std::string& folder) {
  absl::StatusOr<MapMemory> counts = MapMemory::Open(absl::StrCat(folder, "/cpus"));
  if (!counts.ok()) return counts.status();
  absl::StatusOr<MapMemory> recent = MapMemory::Open(absl::StrCat(folder, "/recent"));
  if (!recent.ok()) return recent.status();
  absl::StatusOr<MapMemory> flows = MapMemory::Open(absl::StrCat(folder, "/flows"));
  if (!flows.ok()) return flows.status();
  absl::StatusOr<MapMemory> heads = MapMemory::Open(absl::StrCat(folder, "/flow_heads"));
  if (!heads.ok()) return heads.status();
  absl::StatusOr<MapMemory> rings = MapMemory::Open(absl::StrCat(folder, "/sample_rings"));
  if (!rings.ok()) return rings.status();
  absl::StatusOr<MapMemory> samples = MapMemory::Open(absl::StrCat(folder, "/samples"));
  if (!samples.ok()) return samples.status();
  return CpuMaps{*std::move(counts), *std::move(recent), *std::move(flows),
                 *std::move(heads),  *std::move(rings),  *std::move(samples)};
}

std::vector<SampleRing> CpuMaps::rings() const {
  std::vector<SampleRing> rings;
  lb_sample* records = samples.As<lb_sample>().data();
  for (lb_sample_ring& head : sample_rings.As<lb_sample_ring>()) {
    rings.push_back({.head = &head, .records = records});
    records += LB_SAMPLES_PER_RING;
  }
  return rings;
}

absl::Status CpuMaps::Pin(const std::string& folder) const {
  absl::Status status = cpus.Pin(absl::StrCat(folder, "/cpus"));
  status.Update(recent.Pin(absl::StrCat(folder, "/recent")));
  status.Update(flows.Pin(absl::StrCat(folder, "/flows")));
  status.Update(flow_heads.Pin(absl::StrCat(folder, "/flow_heads")));
  status.Update(sample_rings.Pin(absl::StrCat(folder, "/sample_rings")));
  status.Update(samples.Pin(absl::StrCat(folder, "/samples")));
  return status;
}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Load(lb_map_sizes sizes, const CpuMaps& cpus) {
  libbpf_set_print(DiscardLibbpfMessage);
  sizes.cpus = cpus.cpus.entries();
  sizes.flow_queues = cpus.flow_heads.entries();
  sizes.flow_buckets = cpus.flows.entries() / sizes.flow_queues;
  std::string log(kVerifierLogBytes, '\0');
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "lb_xdp", .kernel_log_buf = log.data(),
              .kernel_log_size = log.size());
  const std::span<const std::byte> bytes = ObjectBytes();
  const std::unique_ptr<bpf_object, CloseObject> object(
      bpf_object__open_mem(bytes.data(), bytes.size(), &options));
  if (object == nullptr) return LoadError(errno, "");
  if (absl::Status s = SetSizes(object.get(), sizes, cpus); !s.ok()) return s;
  if (const int error = bpf_object__load(object.get()); error != 0) {
    log.resize(strnlen(log.data(), log.size()));
    return LoadError(-error, log);
  }

  std::unique_ptr<Instance> instance(new Instance);
  const bpf_program* program = bpf_object__find_program_by_name(object.get(), "lb_xdp");
  absl::StatusOr<UniqueFd> program_fd = Duplicate(bpf_program__fd(program));
  if (!program_fd.ok()) return program_fd.status();
  instance->program_ = *std::move(program_fd);
  std::vector<MapMemory> maps;
  for (const MapRow& row : kMaps) {
    absl::StatusOr<UniqueFd> fd =
        Duplicate(bpf_map__fd(bpf_object__find_map_by_name(object.get(), row.map)));
    if (!fd.ok()) return fd.status();
    absl::StatusOr<MapMemory> map = MapMemory::Map(*std::move(fd));
    if (!map.ok()) return map.status();
    maps.push_back(*std::move(map));
  }
  instance->maps_.sizes.cpus = sizes.cpus;
  if (absl::Status s = instance->FindMaps(std::move(maps)); !s.ok()) return s;
  return instance;
}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Open(const std::string& folder) {
  std::unique_ptr<Instance> instance(new Instance);
  instance->program_ = UniqueFd(bpf_obj_get(absl::StrCat(folder, "/program").c_str()));
  if (!instance->program_.valid()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", folder, "/program"));
  }
  std::vector<MapMemory> maps;
  for (const MapRow& row : kMaps) {
    absl::StatusOr<MapMemory> map = MapMemory::Open(absl::StrCat(folder, "/", row.pin));
    if (!map.ok()) return map.status();
    maps.push_back(*std::move(map));
  }
  instance->maps_.sizes.cpus = static_cast<uint32_t>(libbpf_num_possible_cpus());
  if (absl::Status s = instance->FindMaps(std::move(maps)); !s.ok()) return s;
  return instance;
}

absl::Status Instance::Pin(const std::string& folder) const {
  for (size_t i = 0; i < kMapCount; ++i) {
    if (absl::Status s = memory_[i].Pin(absl::StrCat(folder, "/", kMaps[i].pin)); !s.ok()) return s;
  }
  const std::string path = absl::StrCat(folder, "/program");
  if (bpf_obj_pin(program_.get(), path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

absl::StatusOr<uint32_t> Instance::program_id() const {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program_.get(), &info, &size) != 0) {
    return absl::ErrnoToStatus(errno, "cannot ask for the XDP program");
  }
  return info.id;
}

absl::Status Instance::FindMaps(std::vector<MapMemory> maps) {
  memory_ = std::move(maps);
  for (size_t i = 0; i < kMapCount; ++i) {
    const MapRow& row = kMaps[i];
    if (row.records == nullptr) continue;
    maps_.sizes.*row.records = memory_[i].entries() / Multiple(row.held, maps_.sizes.cpus);
  }
  const auto fits = [this](MapId id, size_t bytes) { return memory_[id].record_size() >= bytes; };
  if (!fits(kRootWord, sizeof(uint64_t)) || !fits(kTrial, sizeof(lb_trial)) ||
      !fits(kPorts, LB_PORTS_MAX * sizeof(lb_port)) ||
      !fits(kParams, LB_SETS * sizeof(lb_params))) {
    return absl::DataLossError("the pinned maps are not of this version");
  }
  maps_.root_word = memory_[kRootWord].As<uint64_t>().data();
  maps_.trial = memory_[kTrial].As<lb_trial>().data();
  maps_.ports = memory_[kPorts].As<lb_port>().first(LB_PORTS_MAX);
  maps_.params = memory_[kParams].As<lb_params>().first(LB_SETS);
  maps_.vips = memory_[kVips].As<lb_vip>();
  maps_.vip_rows = memory_[kVipRows].As<lb_vip_row>();
  maps_.port_rows = memory_[kPortRows].As<lb_port_row>();
  maps_.port_ranges = memory_[kPortRanges].As<lb_port_range>();
  maps_.services = memory_[kServices].As<lb_service>();
  maps_.backends = memory_[kBackends].As<lb_backend>();
  maps_.transitions = memory_[kTransitions].As<lb_transition>();
  maps_.pools = memory_[kPools].As<lb_pool>();
  maps_.next_hops = memory_[kNextHops].As<uint64_t>();
  maps_.slot_rows = memory_[kSlotRows].As<lb_slot_row>();
  maps_.roots = memory_[kRoots].As<std::byte>();
  maps_.counters = memory_[kCounters].As<lb_counter>();
  return absl::OkStatus();
}

}  // namespace evenkeel
