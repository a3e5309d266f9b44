// Lays services out for matching: VIPs, their prefix lengths, hash rows for VIPs and exact ports,
// sorted port ranges. The image builder's second half; pure.
#ifndef DATAPLANE_TABLE_MATCH_ROWS_H_
#define DATAPLANE_TABLE_MATCH_ROWS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/records.h"

namespace evenkeel {

struct MatchRecords {
  std::vector<lb_vip> vips;
  std::vector<lb_vip_row> vip_rows;
  std::vector<lb_port_row> port_rows;
  std::vector<lb_port_range> port_ranges;
  std::vector<uint16_t> vip_of_service;
};

// Fills the matching fields of `params` too. InvalidArgument names the services that overlap at
// equal rank.
absl::StatusOr<MatchRecords> BuildMatch(std::span<const ServiceSpec> services,
                                        std::span<const PoolSpec> pools, lb_params* params);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_MATCH_ROWS_H_
