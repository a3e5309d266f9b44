// Which backend a packet goes to whose slot has moved: DESIGN's table, as a function of the packet,
// the slot's two backends and what the flow table holds.
//
//              TCP SYN                         other, tracked   other, not tracked
//   open       live entry: follow it;          its backend      previous; tracked
//              else current, pending
//   tail       live entry: follow it;          its backend      current
//              else current, and pending where an entry lies there
//
// Live: stamped in this tick or the one before, not closing, backend not dead. A SYN never touches
// an entry that is not live: it lies beside it as pending, and only a segment whose sequence number
// fits puts it in the other's place. A SYN that cannot be recorded goes where its later packets
// will go. An entry or a previous that names a dead backend counts as absent; a TCP flow that has
// none but such is not recorded anew, so that the backend's return restores its claim.
//
// UDP has no SYN: open means armed, every packet that finds no entry makes one, at current if it is
// a QUIC Initial. Beside an entry nothing could tell an Initial's later packets from the entry's,
// so it follows that. An ICMP error goes where the flow goes and changes nothing.
//
//   struct lb_track_packet packet = {.key = {...}, .current = 7, .previous = 3, .flags =
//   LB_TRACK_FIRST}; uint32_t backend = lb_track(view, &packet);
//
// Called by lb_resolve() on both planes, and by tools/churn for connections without frames.
#ifndef DATAPLANE_FORWARD_TRACK_H_
#define DATAPLANE_FORWARD_TRACK_H_

#include <stdint.h>

#include "dataplane/forward/flow_table.h"

#define LB_TRACK_FIRST 1u  // TCP SYN, QUIC Initial
#define LB_TRACK_UDP 2u
#define LB_TRACK_FIN 4u
#define LB_TRACK_RST 8u
#define LB_TRACK_ERROR 16u  // ICMP about the flow

struct lb_track_packet {
  struct lb_flow_key key;
  uint32_t sequence;  // TCP, host order
  uint16_t current;
  // Open (for UDP: armed): the owner of flows that no entry names. LB_NONE: tail.
  uint16_t previous;
  uint32_t flags;  // LB_TRACK_*
  uint32_t reserved;
};

LB_INLINE uint32_t lb_track_untracked(const struct lb_view* view,
                                      const struct lb_track_packet* packet) {
  if (packet->previous != LB_NONE && lb_flow_backend_lives(view, packet->previous))
    return packet->previous;
  return packet->current;
}

LB_INLINE int lb_entry_leads(const struct lb_view* view, uint64_t entry) {
  return entry && lb_flow_backend_lives(view, lb_entry_backend(entry));
}
LB_INLINE int lb_entry_is_live(const struct lb_view* view, uint64_t entry, uint32_t tick) {
  return entry && !lb_entry_is_closing(entry) && lb_entry_age(entry, tick) <= 1 &&
         lb_flow_backend_lives(view, lb_entry_backend(entry));
}

LB_INLINE uint64_t lb_track_entry(const struct lb_track_packet* packet, uint32_t backend,
                                  uint32_t state) {
  uint32_t stamp = state == LB_ENTRY_PENDING ? lb_pending_stamp(packet->key.tick, packet->sequence)
                                             : packet->key.tick;
  return lb_entry((uint32_t)(packet->key.hash >> 32), backend, stamp, state);
}

// A tracked entry after another packet of its flow. A second packet in a later tick makes it firm,
// but no SYN and no RST does; a SYN leaves it as it is otherwise.
LB_INLINE void lb_track_touch(const struct lb_view* view, const struct lb_track_packet* packet,
                              uint64_t entry, uint32_t place) {
  uint32_t state = lb_entry_class(entry);
  uint32_t tick = packet->key.tick;
  int is_syn = (packet->flags & (LB_TRACK_FIRST | LB_TRACK_UDP)) == LB_TRACK_FIRST;
  if (state == LB_ENTRY_MISS && tick != lb_entry_stamp(entry) && !is_syn &&
      !(packet->flags & LB_TRACK_RST))
    state = LB_ENTRY_FIRM;
  if (packet->flags & (LB_TRACK_FIN | LB_TRACK_RST)) state |= LB_ENTRY_CLOSING;
  uint64_t after = lb_track_entry(packet, lb_entry_backend(entry), state);
  if (after != entry) lb_flow_store(view, place, after);
}

// TCP SYN.
LB_SUBPROGRAM uint32_t lb_track_syn(const struct lb_view* view,
                                    const struct lb_track_packet* packet,
                                    const struct lb_flow_entries* found) {
  if (LB_MISSING(view) || LB_MISSING(packet) || LB_MISSING(found)) return LB_NONE;
  uint32_t tick = packet->key.tick;
  if (lb_entry_is_live(view, found->tracked, tick)) {
    lb_track_touch(view, packet, found->tracked, found->tracked_place);
    return lb_entry_backend(found->tracked);
  }
  uint32_t backend = packet->current;
  if (lb_entry_is_live(view, found->pending, tick)) {
    backend = lb_entry_backend(found->pending);
  } else if (packet->previous == LB_NONE && !found->tracked) {
    // Tail, and nothing leads elsewhere: its packets go to current by themselves.
    if (found->pending) lb_flow_store(view, found->pending_place, 0);
    return backend;
  }
  uint64_t entry = lb_track_entry(packet, backend, LB_ENTRY_PENDING);
  if (found->pending) {
    lb_flow_store(view, found->pending_place, entry);
    return backend;
  }
  if (lb_flow_insert(view, &packet->key, entry)) return backend;
  if (lb_entry_leads(view, found->tracked)) return lb_entry_backend(found->tracked);
  return lb_track_untracked(view, packet);
}

// Any TCP packet but a SYN.
LB_SUBPROGRAM uint32_t lb_track_segment(const struct lb_view* view,
                                        const struct lb_track_packet* packet,
                                        const struct lb_flow_entries* found) {
  if (LB_MISSING(view) || LB_MISSING(packet) || LB_MISSING(found)) return LB_NONE;
  uint32_t closing = packet->flags & LB_TRACK_FIN ? LB_ENTRY_CLOSING : 0;
  if (lb_entry_leads(view, found->pending) && lb_pending_fits(found->pending, packet->sequence)) {
    uint32_t backend = lb_entry_backend(found->pending);
    if (packet->flags & LB_TRACK_RST) return backend;
    // In tail a flow of current needs no entry.
    uint64_t promoted = 0;
    if (packet->previous != LB_NONE || backend != packet->current)
      promoted = lb_track_entry(packet, backend, LB_ENTRY_FIRM | closing);
    lb_flow_store(view, found->pending_place, promoted);
    if (found->tracked) lb_flow_store(view, found->tracked_place, 0);
    return backend;
  }
  if (lb_entry_leads(view, found->tracked)) {
    lb_track_touch(view, packet, found->tracked, found->tracked_place);
    return lb_entry_backend(found->tracked);
  }
  uint32_t backend = packet->previous;
  if (backend == LB_NONE || !lb_flow_backend_lives(view, backend)) return packet->current;
  if (found->tracked || packet->flags & LB_TRACK_RST) return backend;
  lb_flow_insert(view, &packet->key, lb_track_entry(packet, backend, LB_ENTRY_MISS | closing));
  return backend;
}

LB_SUBPROGRAM uint32_t lb_track_datagram(const struct lb_view* view,
                                         const struct lb_track_packet* packet,
                                         const struct lb_flow_entries* found) {
  if (LB_MISSING(view) || LB_MISSING(packet) || LB_MISSING(found)) return LB_NONE;
  if (lb_entry_leads(view, found->tracked)) {
    lb_track_touch(view, packet, found->tracked, found->tracked_place);
    return lb_entry_backend(found->tracked);
  }
  if (packet->previous == LB_NONE) return packet->current;
  uint32_t untracked = lb_track_untracked(view, packet);
  uint32_t backend = packet->flags & LB_TRACK_FIRST ? packet->current : untracked;
  uint64_t entry = lb_track_entry(packet, backend, LB_ENTRY_MISS);
  if (found->tracked) {  // at a dead backend: a datagram gets no RST, so the flow moves for good
    lb_flow_store(view, found->tracked_place, entry);
    return backend;
  }
  return lb_flow_insert(view, &packet->key, entry) ? backend : untracked;
}

LB_INLINE uint32_t lb_track_error(const struct lb_view* view, const struct lb_track_packet* packet,
                                  const struct lb_flow_entries* found) {
  if (lb_entry_leads(view, found->tracked)) return lb_entry_backend(found->tracked);
  if (lb_entry_leads(view, found->pending)) return lb_entry_backend(found->pending);
  return lb_track_untracked(view, packet);
}

// The packet's backend; what it teaches about the flow goes into the table. LB_NONE: a fault.
LB_INLINE uint32_t lb_track(const struct lb_view* view, const struct lb_track_packet* packet) {
  struct lb_flow_entries found = {0, 0, LB_FLOW_NO_PLACE, LB_FLOW_NO_PLACE};
  lb_flow_find(view, &packet->key, &found);
  if (packet->flags & LB_TRACK_ERROR) return lb_track_error(view, packet, &found);
  if (packet->flags & LB_TRACK_UDP) return lb_track_datagram(view, packet, &found);
  if (packet->flags & LB_TRACK_FIRST) return lb_track_syn(view, packet, &found);
  return lb_track_segment(view, packet, &found);
}

#endif  // DATAPLANE_FORWARD_TRACK_H_
