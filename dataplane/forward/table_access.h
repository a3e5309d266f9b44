// How the core reads the tables: one accessor a record, so that the core never knows whether it
// runs over the worker's memory or over BPF maps. An accessor may return a null pointer in BPF (the
// verifier asks for the test); natively it never does, since the image was verified before it was
// swapped in.
//
// A view is one generation of everything. A worker takes it once a burst, the XDP program once a
// packet.
#ifndef DATAPLANE_FORWARD_TABLE_ACCESS_H_
#define DATAPLANE_FORWARD_TABLE_ACCESS_H_

#include "dataplane/table/flow_records.h"
#include "dataplane/table/records.h"

#ifdef __bpf__

#include "bpf/map_tables.h"  // the same accessors over maps

#else

// Whether an accessor found nothing. The compiler may forget the question natively.
#define LB_MISSING(record) 0

// A worker's table of tracked flows. worker: rw, all others: ro.
struct lb_flow_table {
  struct lb_flow_head* head;
  struct lb_flow_bucket* buckets;
  uint32_t bucket_mask;
  uint32_t reserved;
  uint64_t now_ns;  // CLOCK_BOOTTIME; set by the adapter before a burst that may meet a transition
};

// dataplane: ro. Points into the plane's private, verified copy of a root
// (dataplane/table/image_view.h).
struct lb_view {
  const struct lb_params* params;
  const struct lb_vip* vips;
  const struct lb_vip_row* vip_rows;
  const struct lb_port_row* port_rows;
  const struct lb_port_range* port_ranges;
  const struct lb_service* services;  // plane_word = address of the table's slots
  const struct lb_backend* backends;
  uint32_t backend_count;
  const struct lb_pool* pools;
  const struct lb_transition* transitions;
  const uint64_t* next_hops;  // manager: wo, workers: ro; aligned words, read relaxed
  uint8_t port_mac[8];        // source address of frames that leave, first six bytes
  // Null: flows are not tracked, and slots go by their current backends whatever their transitions
  // say.
  struct lb_flow_table* flows;
};

// Null while no image has been published; the only accessor that may say so natively.
static inline const struct lb_params* lb_view_params(const struct lb_view* view) {
  return view->params;
}
static inline const struct lb_vip* lb_view_vip(const struct lb_view* view, uint32_t index) {
  return &view->vips[index];
}
static inline const struct lb_vip_row* lb_view_vip_row(const struct lb_view* view, uint32_t row) {
  return &view->vip_rows[row];
}
static inline const struct lb_port_row* lb_view_port_row(const struct lb_view* view, uint32_t row) {
  return &view->port_rows[row];
}
static inline const struct lb_port_range* lb_view_port_range(const struct lb_view* view,
                                                             uint32_t index) {
  return &view->port_ranges[index];
}
static inline const struct lb_service* lb_view_service(const struct lb_view* view, uint32_t index) {
  return &view->services[index];
}
static inline const struct lb_backend* lb_view_backend(const struct lb_view* view, uint32_t index) {
  return &view->backends[index];
}
static inline const struct lb_transition* lb_view_transition(const struct lb_view* view,
                                                             uint32_t index) {
  return &view->transitions[index];
}
static inline const lb_slot* lb_view_slot(const struct lb_view* view,
                                          const struct lb_service* service, uint32_t slot) {
  (void)view;
  // A number while it is computed: the prefetch of a service without a table has none to point
  // into.
  return (const lb_slot*)(uintptr_t)(service->plane_word + slot * sizeof(lb_slot));
}
static inline uint64_t lb_view_next_hop(const struct lb_view* view, uint32_t index) {
  return __atomic_load_n(&view->next_hops[index], __ATOMIC_RELAXED);
}
// Source address of a frame to `next_hop`: there is one port natively, in XDP the word names one.
static inline const uint8_t* lb_view_port_mac(const struct lb_view* view, uint64_t next_hop) {
  (void)next_hop;
  return view->port_mac;
}
static inline const struct lb_pool* lb_view_pool(const struct lb_view* view, uint32_t index) {
  return &view->pools[index];
}
static inline uint32_t lb_view_backend_count(const struct lb_view* view) {
  return view->backend_count;
}

// The flow table, and the time by which transitions and entries are judged.
static inline int lb_view_tracks(const struct lb_view* view) { return view->flows != 0; }
static inline uint64_t lb_view_now(const struct lb_view* view) { return view->flows->now_ns; }
static inline uint32_t lb_view_flow_mask(const struct lb_view* view) {
  return view->flows->bucket_mask;
}
static inline struct lb_flow_bucket* lb_view_flow_bucket(const struct lb_view* view,
                                                         uint32_t bucket) {
  return &view->flows->buckets[bucket];
}
static inline struct lb_flow_head* lb_view_flow_head(const struct lb_view* view) {
  return view->flows->head;
}

#endif  // __bpf__
#endif  // DATAPLANE_FORWARD_TABLE_ACCESS_H_
