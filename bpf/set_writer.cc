#include "bpf/set_writer.h"

#include <cstring>

namespace evenkeel {
namespace {

template <typename Record>
void Copy(std::span<const Record> from, std::span<Record> map, size_t first) {
  if (!from.empty()) std::memcpy(&map[first], from.data(), from.size_bytes());
}

}  // namespace

bool FitsSet(const SetRecords& records, size_t next_hops, uint32_t counters,
             const lb_map_sizes& sizes) {
  return records.vips.size() <= sizes.vips && records.vip_rows.size() <= sizes.vip_rows &&
         records.port_rows.size() <= sizes.port_rows &&
         records.port_ranges.size() <= sizes.port_ranges &&
         records.services.size() <= sizes.services && records.backends.size() <= sizes.backends &&
         records.transitions.size() <= sizes.transitions && records.pools.size() <= sizes.pools &&
         next_hops <= sizes.next_hops && counters <= sizes.counters;
}

void WriteSet(const SetRecords& records, const std::function<uint32_t(uint32_t table)>& row_of,
              uint32_t set, const LbMaps& maps) {
  const lb_map_sizes& sizes = maps.sizes;
  maps.params[set] = *records.params;
  Copy(records.vips, maps.vips, size_t{set} * sizes.vips);
  Copy(records.vip_rows, maps.vip_rows, size_t{set} * sizes.vip_rows);
  Copy(records.port_rows, maps.port_rows, size_t{set} * sizes.port_rows);
  Copy(records.port_ranges, maps.port_ranges, size_t{set} * sizes.port_ranges);
  Copy(records.services, maps.services, size_t{set} * sizes.services);
  Copy(records.backends, maps.backends, size_t{set} * sizes.backends);
  // A flow entry may name any index: the program must find nothing there.
  const auto unused = maps.backends.subspan(size_t{set} * sizes.backends, sizes.backends)
                          .subspan(records.backends.size());
  std::memset(unused.data(), 0, unused.size_bytes());
  Copy(records.transitions, maps.transitions, size_t{set} * sizes.transitions);
  Copy(records.pools, maps.pools, size_t{set} * sizes.pools);
  const auto services = maps.services.subspan(size_t{set} * sizes.services);
  for (size_t i = 0; i < records.services.size(); ++i) {
    lb_service& service = services[i];
    service.plane_word = service.table == LB_TABLE_NONE ? 0 : row_of(service.table);
  }
}

void WriteSlots(std::span<const lb_slot> slots, uint32_t first, const LbMaps& maps) {
  std::memcpy(&maps.slot_rows[first], slots.data(), slots.size_bytes());
}

void MendSlots(std::span<const lb_slot> slots, uint32_t first, const LbMaps& maps) {
  lb_slot* const found = maps.slot_rows[first].slot;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (found[i] != slots[i]) __atomic_store_n(&found[i], slots[i], __ATOMIC_RELAXED);
  }
}

}  // namespace evenkeel
