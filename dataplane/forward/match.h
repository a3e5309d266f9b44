// Which service a packet is for. For each prefix length of the family, longest first, one row of
// VIPs is read; a VIP's port is then sought among its exact ports (one row), its ranges, its
// catch-all. The longest prefix that holds a fitting service wins. dataplane/table/records.h
// describes the rows.
//
//   uint32_t found = lb_find_vip(view, &address, LB_IPV4, 0);   // LB_VIP_NOT_FOUND: no VIP holds
//   it uint32_t service = lb_match_service(view, LB_VIP_INDEX(found), LB_TCP, port);   // LB_NONE:
//   not here
//
// Called by lb_classify() on both planes; reads only.
#ifndef DATAPLANE_FORWARD_MATCH_H_
#define DATAPLANE_FORWARD_MATCH_H_

#include <stdint.h>

#include "dataplane/forward/table_access.h"
#include "dataplane/forward/wire.h"

#define LB_RANGE_STEPS_MAX 16  // a VIP has at most 65,535 ranges

// What lb_find_vip() found: the VIP's index, and the place of its prefix.
#define LB_VIP_NOT_FOUND 0xffffffffu
#define LB_VIP_INDEX(found) ((found)&0xffffu)
#define LB_VIP_PREFIX(found) ((found) >> 16)

// The VIP of this prefix length that holds the address.
LB_INLINE uint32_t lb_vip_of_prefix(const struct lb_view* view, const struct lb_params* params,
                                    struct lb_address address, uint32_t family, uint32_t prefix) {
  uint32_t place = prefix;
  LB_FORGET(place);
  const struct lb_prefix_mask* mask =
      &params->prefix[family == LB_IPV6][place & (LB_PREFIX_LENGTHS_MAX - 1)];
  address.word[0] &= mask->word[0];
  address.word[1] &= mask->word[1];
  uint64_t hash = lb_vip_hash(params->vip_seed, address.word[0], address.word[1], prefix);
  uint32_t tag = (uint32_t)(hash >> 48);
  const struct lb_vip_row* row = lb_view_vip_row(view, (uint32_t)hash & params->vip_row_mask);
  if (LB_MISSING(row)) return LB_VIP_NOT_FOUND;
  for (uint32_t i = 0; i < LB_ROW_CELLS; i++) {
    uint32_t cell = row->cell[i];
    if (cell >> 16 != tag || (cell & 0xffffu) == 0) continue;
    uint32_t index = (cell & 0xffffu) - 1;
    const struct lb_vip* vip = lb_view_vip(view, index);
    if (LB_MISSING(vip)) continue;
    if (lb_same_address(lb_load_address(vip->address), address) && vip->family == family &&
        vip->prefix_index == prefix)
      return index | prefix << 16;
  }
  return LB_VIP_NOT_FOUND;
}

// The VIP with the longest prefix that holds the address, among the prefixes from `first` on.
LB_SUBPROGRAM uint32_t lb_find_vip(const struct lb_view* view, const struct lb_address* address,
                                   uint32_t family, uint32_t first) {
  if (LB_MISSING(view) || LB_MISSING(address)) return LB_VIP_NOT_FOUND;
  const struct lb_params* params = lb_view_params(view);
  if (!params) return LB_VIP_NOT_FOUND;
  struct lb_address sought = {{address->word[0], address->word[1]}};
  uint32_t count = params->prefix_count[family == LB_IPV6];
  for (uint32_t i = first; i < LB_PREFIX_LENGTHS_MAX && i < count; i++) {
    uint32_t found = lb_vip_of_prefix(view, params, sought, family, i);
    if (found != LB_VIP_NOT_FOUND) return found;
  }
  return LB_VIP_NOT_FOUND;
}

// The range that holds the port, by lower bound: the first whose end is not below it.
LB_SUBPROGRAM uint32_t lb_search_ranges(const struct lb_view* view, uint32_t first, uint32_t count,
                                        uint32_t port) {
  if (LB_MISSING(view)) return LB_NONE;
  uint32_t last = first + count;
  for (uint32_t i = 0; i < LB_RANGE_STEPS_MAX && count; i++) {
    uint32_t half = count / 2;
    const struct lb_port_range* range = lb_view_port_range(view, first + half);
    if (LB_MISSING(range)) return LB_NONE;
    if (range->high < port) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  if (first >= last) return LB_NONE;
  const struct lb_port_range* range = lb_view_port_range(view, first);
  if (LB_MISSING(range) || range->low > port) return LB_NONE;
  return range->service;
}

// `port` in host order. LB_NONE: the VIP has no service for it.
LB_INLINE uint32_t lb_match_service(const struct lb_view* view, uint32_t vip_index,
                                    uint32_t transport, uint32_t port) {
  const struct lb_params* params = lb_view_params(view);
  if (!params) return LB_NONE;
  uint64_t key = lb_port_key(vip_index, port, transport);
  uint64_t hash = lb_port_hash(params->port_seed, key);
  const struct lb_port_row* row = lb_view_port_row(view, (uint32_t)hash & params->port_row_mask);
  if (LB_MISSING(row)) return LB_NONE;
  uint32_t service = LB_NONE;
  for (uint32_t i = 0; i < LB_ROW_CELLS; i++) {
    uint64_t cell = row->cell[i];
    if ((cell & LB_PORT_KEY_MASK) == key) service = lb_port_cell_service(cell);
  }
  if (LB_LIKELY(service != LB_NONE)) return service;
  const struct lb_vip* vip = lb_view_vip(view, vip_index);
  if (LB_MISSING(vip)) return LB_NONE;
  uint32_t ranges = vip->range_count[transport & 1];
  if (ranges) service = lb_search_ranges(view, vip->range_first[transport & 1], ranges, port);
  return service != LB_NONE ? service : vip->any_service[transport & 1];
}

// The same under the prefixes from `first` on: where VIPs are nested and the innermost has no
// service for this. `transport_port`: transport << 16 | port.
LB_SUBPROGRAM uint32_t lb_match_outer(const struct lb_view* view, const struct lb_address* address,
                                      uint32_t family, uint32_t first, uint32_t transport_port) {
  for (uint32_t i = 0; i < LB_PREFIX_LENGTHS_MAX; i++) {
    uint32_t found = lb_find_vip(view, address, family, first);
    if (found == LB_VIP_NOT_FOUND || LB_MISSING(view)) return LB_NONE;
    uint32_t service =
        lb_match_service(view, LB_VIP_INDEX(found), transport_port >> 16, transport_port & 0xffffu);
    if (service != LB_NONE) return service;
    first = LB_VIP_PREFIX(found) + 1;
  }
  return LB_NONE;
}

// Whether one of the VIPs that hold the address answers echo requests.
LB_SUBPROGRAM int lb_vip_answers_echo(const struct lb_view* view, const struct lb_address* address,
                                      uint32_t family) {
  uint32_t first = 0;
  for (uint32_t i = 0; i < LB_PREFIX_LENGTHS_MAX; i++) {
    uint32_t found = lb_find_vip(view, address, family, first);
    if (found == LB_VIP_NOT_FOUND || LB_MISSING(view)) return 0;
    const struct lb_vip* vip = lb_view_vip(view, LB_VIP_INDEX(found));
    if (LB_MISSING(vip)) return 0;
    if (vip->flags & LB_VIP_ANSWERS_ECHO) return 1;
    first = LB_VIP_PREFIX(found) + 1;
  }
  return 0;
}

#endif  // DATAPLANE_FORWARD_MATCH_H_
