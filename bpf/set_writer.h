// Writes the records of one generation into one set of the maps. Whoever calls it knows that no
// packet uses the set.
#ifndef BPF_SET_WRITER_H_
#define BPF_SET_WRITER_H_

#include <cstdint>
#include <functional>
#include <span>

#include "bpf/instance.h"
#include "dataplane/table/records.h"

namespace evenkeel {

// As in an image (records.h): all of a generation but its slots.
struct SetRecords {
  const lb_params* params = nullptr;
  std::span<const lb_vip> vips;
  std::span<const lb_vip_row> vip_rows;
  std::span<const lb_port_row> port_rows;
  std::span<const lb_port_range> port_ranges;
  std::span<const lb_service> services;
  std::span<const lb_backend> backends;
  std::span<const lb_transition> transitions;
  std::span<const lb_pool> pools;
};

// True if a set of these sizes has room for them. `next_hops` and `counters` are how many the
// generation has.
bool FitsSet(const SetRecords& records, size_t next_hops, uint32_t counters,
             const lb_map_sizes& sizes);

// `row_of(table)`: the first slot row of the table that a service names.
void WriteSet(const SetRecords& records, const std::function<uint32_t(uint32_t table)>& row_of,
              uint32_t set, const LbMaps& maps);

// The slots of a table, from row `first` on.
void WriteSlots(std::span<const lb_slot> slots, uint32_t first, const LbMaps& maps);
// The same for a table that packets use and somebody has written to: a packet finds a wrong slot or
// the right one.
void MendSlots(std::span<const lb_slot> slots, uint32_t first, const LbMaps& maps);

}  // namespace evenkeel

#endif  // BPF_SET_WRITER_H_
