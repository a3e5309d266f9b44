#include "tests/bpf/run_bpf.h"

#include <bpf/bpf.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bpf/error_limit.h"
#include "bpf/set_writer.h"

namespace evenkeel::packets {
namespace {

lb_counter operator-(const lb_counter& a, const lb_counter& b) {
  return {a.packets - b.packets, a.bytes - b.bytes, a.new_flows - b.new_flows, 0};
}

}  // namespace

bool StayOnOneCpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(sched_getcpu(), &cpus);
  return sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
}

absl::StatusOr<std::unique_ptr<BpfCore>> BpfCore::Load(uint32_t flow_buckets) {
  std::unique_ptr<BpfCore> core(new BpfCore);
  absl::StatusOr<CpuMaps> cpus = CpuMaps::Create({.buckets = flow_buckets, .queues = 1});
  if (!cpus.ok()) return cpus.status();
  core->cpus_ = *std::move(cpus);
  lb_map_sizes sizes = LB_MAP_SIZES_DEFAULT;
  sizes.slot_rows *= 4;
  absl::StatusOr<std::unique_ptr<Instance>> instance = Instance::Load(sizes, core->cpus_);
  if (!instance.ok()) return instance.status();
  core->instance_ = *std::move(instance);
  std::copy(kPortMac.begin(), kPortMac.end(), core->maps().ports[0].mac);
  return core;
}

void BpfCore::SetTables(const Tables& tables) {
  const LbMaps& maps = instance_->maps();
  set_ = (set_ + 1) % LB_SETS;
  const SetRecords records{.params = &tables.params(),
                           .vips = tables.vips(),
                           .vip_rows = tables.vip_rows(),
                           .port_rows = tables.port_rows(),
                           .port_ranges = tables.port_ranges(),
                           .services = tables.services(),
                           .backends = tables.backends(),
                           .transitions = tables.transitions(),
                           .pools = tables.pools()};
  if (!FitsSet(records, tables.next_hops().size(), 0, maps.sizes)) {
    std::fprintf(stderr, "test tables do not fit the maps\n");
    std::abort();
  }
  // Each set has its quarter of the slot rows.
  uint32_t row = set_ * (maps.sizes.slot_rows / LB_SETS);
  std::vector<uint32_t> rows;
  for (const std::vector<lb_slot>& slots : tables.slots()) {
    rows.push_back(row);
    WriteSlots(slots, row, maps);
    row += static_cast<uint32_t>(slots.size()) / LB_SLOTS_PER_ROW;
  }
  WriteSet(
      records, [&](uint32_t table) { return rows[table]; }, set_, maps);
  std::copy(tables.next_hops().begin(), tables.next_hops().end(),
            maps.next_hops.begin() + size_t{set_} * maps.sizes.next_hops);
  counters_ = 0;
  for (const lb_service& service : tables.services()) {
    uint32_t pool_size = 0;
    for (const lb_backend& backend : tables.backends()) {
      if (backend.family != LB_FAMILY_NONE && backend.pool == service.pool) ++pool_size;
    }
    counters_ = std::max(counters_, service.counter_base + pool_size);
  }
  __atomic_store_n(maps.root_word, LB_ROOT_WORD(set_, 1), __ATOMIC_RELEASE);
}

uint64_t BpfCore::reason_count(lb_reason reason) const {
  uint64_t sum = 0;
  for (const lb_cpu& cpu : cpus_.cpus.As<lb_cpu>()) sum += cpu.reasons[reason];
  return sum;
}

void BpfCore::SampleEvery(uint32_t every) {
  for (const SampleRing& ring : cpus_.rings()) SetSampleRate(ring, every);
}

std::vector<lb_sample> BpfCore::TakeSamples() {
  std::vector<lb_sample> samples;
  for (const SampleRing& ring : cpus_.rings()) evenkeel::TakeSamples(ring, &samples);
  return samples;
}

uint64_t BpfCore::dropped_samples() const {
  uint64_t sum = 0;
  for (const SampleRing& ring : cpus_.rings()) sum += DroppedSamples(ring);
  return sum;
}

void BpfCore::RefillErrors() {
  for (lb_cpu& cpu : cpus_.cpus.As<lb_cpu>()) cpu.error_credit = LB_ERROR_CREDIT_MAX_NS;
}

BpfOutcome BpfCore::Run(const Bytes& frame) {
  const LbMaps& maps = instance_->maps();
  const auto counter = [&](uint32_t index) {
    lb_counter sum{};
    for (uint32_t cpu = 0; cpu < maps.sizes.cpus; ++cpu) {
      const lb_counter& one =
          maps.counters[(size_t{cpu} * LB_SETS + set_) * maps.sizes.counters + index];
      sum.packets += one.packets;
      sum.bytes += one.bytes;
      sum.new_flows += one.new_flows;
    }
    return sum;
  };
  uint64_t reasons[LB_REASON_COUNT];
  for (int i = 0; i < LB_REASON_COUNT; ++i) reasons[i] = reason_count(static_cast<lb_reason>(i));
  std::vector<lb_counter> before(counters_);
  for (uint32_t i = 0; i < counters_; ++i) before[i] = counter(i);

  BpfOutcome outcome;
  outcome.out.resize(4096);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = outcome.out.data(),
              .data_size_in = static_cast<uint32_t>(frame.size()),
              .data_size_out = static_cast<uint32_t>(outcome.out.size()), .repeat = 1);
  if (const int error = bpf_prog_test_run_opts(program(), &options); error != 0) {
    std::fprintf(stderr, "BPF_PROG_TEST_RUN of %zu bytes: %s\n", frame.size(), strerror(-error));
    return outcome;
  }
  outcome.action = static_cast<int>(options.retval);
  outcome.out.resize(options.data_size_out);
  for (int i = 0; i < LB_REASON_COUNT; ++i) {
    if (reason_count(static_cast<lb_reason>(i)) != reasons[i]) {
      outcome.reason = static_cast<lb_reason>(i);
    }
  }
  for (uint32_t i = 0; i < counters_; ++i) {
    const lb_counter counted = counter(i) - before[i];
    if (counted.packets == 0 && counted.bytes == 0 && counted.new_flows == 0) continue;
    outcome.counted = counted;
    outcome.counter = i;
  }
  return outcome;
}

}  // namespace evenkeel::packets
