// The backend of a packet whose slot has moved, or whose service has changed its structure: what
// lb_track() decides by, taken from the packet and the tables.
//
// All times are CLOCK_BOOTTIME, deadlines and stamps alike, so that nothing is converted and a
// suspend ages everything alike. A slot is open (UDP: armed) until its transition's deadline, then
// in tail until a publication takes the transition away.
//
// After a structural change the service names its former record: until `former_until_ns` packets
// that no entry claims and that are no first ones go by the former table, with the former hash;
// first ones go by the new, and are tracked. An entry may name a backend of either pool.
//
// The only slow path of the core: lb_resolve() comes here for no slot that is pure.
#ifndef DATAPLANE_FORWARD_MOVED_H_
#define DATAPLANE_FORWARD_MOVED_H_

#include <stdint.h>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/hash.h"
#include "dataplane/forward/parse.h"
#include "dataplane/forward/table_access.h"
#include "dataplane/forward/track.h"

// The bytes that the flow's hash covers. An ICMP error's are those of the flow that it is about.
LB_INLINE void lb_hash_message_of(struct lb_hash_message* message, const struct lb_flow* flow,
                                  const struct lb_addresses* addresses, int client_only) {
  uint64_t ports_word =
      lb_hash_ports_word(flow->source_port, flow->destination_port,
                         flow->transport == LB_TCP ? LB_PROTOCOL_TCP : LB_PROTOCOL_UDP);
  if (LB_LIKELY(flow->family == LB_IPV4))
    lb_hash_message_ipv4(message, lb_ipv4_of_address(addresses->source),
                         lb_ipv4_of_address(addresses->destination), ports_word, client_only);
  else
    lb_hash_message_ipv6(message, addresses->source, addresses->destination, ports_word,
                         client_only);
}

// Source and destination of the flow, once more from the packet: of an ICMP error from what it
// quotes, turned round.
LB_INLINE int lb_flow_addresses(const uint8_t* data, const uint8_t* end, const struct lb_flow* flow,
                                struct lb_addresses* addresses) {
  int is_quoted = flow->flags & LB_FLOW_ICMP_ERROR;
  const uint8_t* header =
      is_quoted ? lb_l4(data, flow) + sizeof(struct lb_icmp) : lb_l3(data, flow);
  struct lb_address source, destination;
  if (flow->family == LB_IPV4) {
    const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
    if (header + sizeof(*ip) > end) return 0;
    source = lb_address_of_ipv4(ip->source);
    destination = lb_address_of_ipv4(ip->destination);
  } else {
    const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
    if (header + sizeof(*ip) > end) return 0;
    source.word[0] = ip->source[0];
    source.word[1] = ip->source[1];
    destination.word[0] = ip->destination[0];
    destination.word[1] = ip->destination[1];
  }
  addresses->source = is_quoted ? destination : source;
  addresses->destination = is_quoted ? source : destination;
  return 1;
}

LB_SUBPROGRAM uint64_t lb_flow_rehash(const struct lb_view* view, const struct lb_addresses* from,
                                      const struct lb_flow* flow, int client_only) {
  if (LB_MISSING(view) || LB_MISSING(from) || LB_MISSING(flow)) return 0;
  const struct lb_params* params = lb_view_params(view);
  if (!params) return 0;
  struct lb_hash_message message = {{0, 0, 0, 0, 0}};
  lb_hash_message_of(&message, flow, from, client_only);
  return flow->family == LB_IPV4 ? lb_siphash13(params->hash_key, &message, LB_HASH_WORDS_IPV4)
                                 : lb_siphash13(params->hash_key, &message, LB_HASH_WORDS_IPV6);
}

// What the flow's segment says beyond its ports. A segment with RST begins nothing, whatever else
// it says.
LB_INLINE void lb_track_read(const uint8_t* data, const uint8_t* end, const struct lb_flow* flow,
                             struct lb_track_packet* packet) {
  if (flow->flags & LB_FLOW_ICMP_ERROR) {
    packet->flags = LB_TRACK_ERROR;
    return;
  }
  uint32_t first = flow->flags & LB_FLOW_NEW ? LB_TRACK_FIRST : 0;
  if (flow->transport != LB_TCP) {
    packet->flags = LB_TRACK_UDP | first;
    return;
  }
  const uint8_t* header = lb_l4(data, flow);
  const struct lb_tcp* tcp = (const struct lb_tcp*)header;
  if (header + sizeof(*tcp) > end) return;  // cannot be: its ports were read
  packet->sequence = LB_NET32(tcp->sequence);
  if (tcp->flags & LB_TCP_RST)
    packet->flags = LB_TRACK_RST;
  else if (first)
    packet->flags = LB_TRACK_FIRST;
  else if (tcp->flags & LB_TCP_FIN)
    packet->flags = LB_TRACK_FIN;
}

// The owner of the slot's flows that no entry names while it is open (UDP: armed); LB_NONE: in
// tail.
LB_INLINE uint16_t lb_transition_owner(const struct lb_transition* transition, uint32_t transport,
                                       uint64_t now) {
  if (transition->state != LB_SLOT_OPEN) return LB_NONE;
  if (transport == LB_TCP) return now < transition->open_until_ns ? transition->previous : LB_NONE;
  return now < transition->armed_until_ns ? transition->armed_previous : LB_NONE;
}

// The owner of the service's flows that no entry names: of the former service's, by its own table.
LB_INLINE uint32_t lb_former_owner(const struct lb_view* view, const struct lb_service* former,
                                   uint64_t hash, uint32_t transport, uint64_t now) {
  if (former->table == LB_TABLE_NONE) return LB_NONE;
  const lb_slot* slot = lb_view_slot(view, former, (uint32_t)(hash >> (former->slot_shift & 63)));
  if (LB_MISSING(slot)) return LB_NONE;
  uint32_t reference = lb_slot_transition(*slot);
  if (reference) {
    const struct lb_transition* transition = lb_view_transition(view, reference);
    if (LB_MISSING(transition)) return LB_NONE;
    uint16_t owner = lb_transition_owner(transition, transport, now);
    if (owner != LB_NONE) return owner;
  }
  return lb_slot_backend(*slot);
}

// Whether nothing has moved here: the slot's backend is the answer.
LB_INLINE int lb_is_pure(const struct lb_service* service, lb_slot slot) {
  return !(lb_slot_transition(slot) | (service->former ^ LB_NONE));
}

// Only where lb_is_pure() says no. LB_NONE: a record is missing. `decision->counter` is where the
// counters of the backend's pool begin.
LB_SELDOM uint32_t lb_decide_moved(const struct lb_view* view, const uint8_t* data,
                                   const uint8_t* end, const struct lb_flow* flow,
                                   const struct lb_service* service, lb_slot slot,
                                   struct lb_decision* decision) {
  struct lb_track_packet packet;
  __builtin_memset(&packet, 0, sizeof(packet));
  packet.current = lb_slot_backend(slot);
  packet.previous = LB_NONE;
  uint32_t transport = flow->transport;
  int tracks = lb_view_tracks(view);
  uint64_t now = tracks ? lb_view_now(view) : 0;
  decision->state = LB_SLOT_TAIL;
  uint32_t reference = lb_slot_transition(slot);
  if (reference) {
    const struct lb_transition* transition = lb_view_transition(view, reference);
    if (LB_MISSING(transition)) return LB_NONE;
    decision->previous = transition->previous;
    packet.previous = lb_transition_owner(transition, transport, now);
  }
  if (!tracks) return packet.current;

  packet.key.hash = flow->hash;
  packet.key.pools = service->pool | LB_NONE << 16;
  packet.key.tick = lb_tick_of(now);
  const struct lb_service* former = 0;
  if (service->former != LB_NONE) {
    former = lb_view_service(view, service->former);
    if (LB_MISSING(former)) return LB_NONE;
    packet.key.pools = service->pool | (uint32_t)former->pool << 16;
  }
  if (service->affinity == LB_AFFINITY_CLIENT || former) {
    struct lb_addresses addresses;
    if (!lb_flow_addresses(data, end, flow, &addresses)) return LB_NONE;
    if (service->affinity == LB_AFFINITY_CLIENT)
      packet.key.hash = lb_flow_rehash(view, &addresses, flow, 0);
    if (former && now < service->former_until_ns) {
      uint64_t hash = packet.key.hash;
      if (former->affinity == LB_AFFINITY_CLIENT) hash = lb_flow_rehash(view, &addresses, flow, 1);
      packet.previous = (uint16_t)lb_former_owner(view, former, hash, transport, now);
    }
  }
  if (packet.previous != LB_NONE) decision->state = LB_SLOT_OPEN;
  lb_track_read(data, end, flow, &packet);
  uint32_t index = lb_track(view, &packet);
  const struct lb_backend* backend = lb_flow_backend(view, index);
  if (!backend) return LB_NONE;
  if (backend->pool == service->pool) return index;
  // The service's counters number its own pool's backends.
  if (!former || former->pool != backend->pool) return LB_NONE;
  decision->counter = former->counter_base;
  return index;
}

#endif  // DATAPLANE_FORWARD_MOVED_H_
