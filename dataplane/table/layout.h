// The shape of a root: for each section the bytes of a record and how many there may be. The
// builder lays out by it and the view verifies by it.
#ifndef DATAPLANE_TABLE_LAYOUT_H_
#define DATAPLANE_TABLE_LAYOUT_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/table/records.h"

namespace evenkeel {

inline constexpr uint32_t kExactPortsMax = 65536;   // of all services together
inline constexpr uint32_t kPortRangesMax = 32768;   // of all services together
inline constexpr uint32_t kRowsMax = 1u << 20;      // of VIPs or of ports
inline constexpr uint32_t kCountersMax = 1u << 22;  // sum over services of their pool's members
inline constexpr uint32_t kTransitionsMax = 65536;  // a slot's reference has 16 bits
inline constexpr size_t kRootBytesMax = 64u << 20;
inline constexpr size_t kSectionAlignment = 64;

struct SectionShape {
  const char* name;
  uint32_t stride;  // bytes a record
  uint32_t count_min;
  uint32_t count_max;
};

inline constexpr SectionShape kSectionShapes[LB_SECTIONS] = {
    {"params", sizeof(lb_params), 1, 1},
    {"services", sizeof(lb_service), 0, LB_SERVICES_MAX},
    {"pools", sizeof(lb_pool), 0, LB_POOLS_MAX},
    {"members", sizeof(lb_member), 0, LB_BACKENDS_MAX},
    {"backends", sizeof(lb_backend), 0, LB_BACKENDS_MAX},
    {"next_hops", sizeof(lb_next_hop), 0, LB_NEXT_HOPS_MAX},
    {"tables", sizeof(lb_table_ref), 0, 2 * LB_POOLS_MAX},
    {"vips", sizeof(lb_vip), 0, LB_VIPS_MAX},
    {"vip_rows", sizeof(lb_vip_row), 1, kRowsMax},
    {"port_rows", sizeof(lb_port_row), 1, kRowsMax},
    {"port_ranges", sizeof(lb_port_range), 0, kPortRangesMax},
    {"transitions", sizeof(lb_transition), 1, kTransitionsMax},
};

constexpr size_t AlignUp(size_t offset) {
  return (offset + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// Mask of the first `prefix_length` of 128 bits.
lb_prefix_mask PrefixMask(uint32_t prefix_length);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_LAYOUT_H_
