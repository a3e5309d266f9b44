// lb_classify() for a worker's burst: the same answer for every packet, with less work. Native
// only.
//
//   lb_batch_begin(&view, &batch, &memo);
//   for (i ...) verdict[i] = lb_batch_add(&view, &batch, &memo, data, end, &flow[i], i);
//   lb_batch_finish(&view, &batch, flow);   // hash and slot of those that are LB_FORWARD, slots
//   prefetched
//
// Three things make the difference. The packets' hashes are taken together (hash_batch.h). A memo
// knows, for the last few thousand (VIP, port, protocol) that this worker has met, which service
// they are: a pure function of the tables, so that it is right whatever it holds, and forgotten
// with the generation. And of the packets whose service the memo knows the plain ones (no options,
// no extension headers, no fragment) take a short way, untagged TCP a shorter one; any other goes
// through lb_match_packet().
// tests/dataplane/forward/batch_test.cc holds both against each other.
#ifndef DATAPLANE_FORWARD_BATCH_H_
#define DATAPLANE_FORWARD_BATCH_H_

#include <stdint.h>

#include "dataplane/forward/decide.h"
#include "dataplane/forward/hash_batch.h"

// Four for each of a thousand services, so that few of them displace each other.
#define LB_MEMO_ENTRIES 4096u

struct lb_memo_entry {
  uint64_t address[2];
  uint32_t key;  // lb_memo_key(); 0: empty
  uint16_t service;
  uint8_t client_only;
  uint8_t reserved[9];
};
LB_STATIC_ASSERT(sizeof(struct lb_memo_entry) == 32, "half a cache line");

// One worker's. All zero to begin with.
struct lb_memo {
  const struct lb_params* params;  // of the generation that it knows
  uint64_t generation;
  // So that none lies across two cache lines.
  struct lb_memo_entry entry[LB_MEMO_ENTRIES] __attribute__((aligned(64)));
};

// Messages of a burst, word by word, and whose they are. [0] IPv4, [1] IPv6.
struct lb_batch {
  uint32_t count[2];
  uint8_t position[2][LB_BATCH_MAX];
  uint64_t word4[LB_HASH_WORDS_IPV4][LB_BATCH_MAX];
  uint64_t word6[LB_HASH_WORDS_IPV6][LB_BATCH_MAX];
};

LB_INLINE void lb_batch_begin(const struct lb_view* view, struct lb_batch* batch,
                              struct lb_memo* memo) {
  batch->count[0] = batch->count[1] = 0;
  const struct lb_params* params = lb_view_params(view);
  uint64_t generation = params ? params->generation : 0;
  if (LB_LIKELY(memo->params == params && memo->generation == generation)) return;
  __builtin_memset(memo, 0, sizeof(*memo));
  memo->params = params;
  memo->generation = generation;
}

// The family too: ::ffff:a.b.c.d in an IPv6 header is another address than a.b.c.d.
LB_INLINE uint32_t lb_memo_key(const struct lb_flow* flow) {
  return flow->destination_port | (uint32_t)flow->protocol << 16 | (uint32_t)flow->family << 24;
}

LB_INLINE struct lb_memo_entry* lb_memo_place(struct lb_memo* memo, struct lb_address address,
                                              uint32_t key) {
  uint64_t mixed = (address.word[0] ^ address.word[1] ^ key) * 0x9e3779b97f4a7c15ull;
  return &memo->entry[mixed >> 52];
}
LB_STATIC_ASSERT(LB_MEMO_ENTRIES == 4096, "twelve bits choose the place");

// Whether the packet is a plain TCP or UDP one of which every length is right; then all of `flow`
// but service, hash and slot is written. What is not plain is not judged here.
LB_INLINE int lb_parse_plain(const uint8_t* data, const uint8_t* end, struct lb_flow* flow,
                             struct lb_addresses* addresses) {
  if (lb_parse_ethernet(data, end, flow)) return 0;
  const uint8_t* header = data + flow->l3_offset;
  uint32_t header_length;
  uint32_t total_length;
  if (LB_LIKELY(flow->family == LB_IPV4)) {
    const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
    header_length = sizeof(*ip);
    if (header + header_length > end || ip->version_ihl != 0x45) return 0;
    if (ip->flags_offset & LB_IPV4_FRAGMENT_MASK) return 0;
    total_length = LB_NET16(ip->total_length);
    flow->flags = ip->flags_offset & LB_IPV4_DONT_FRAGMENT ? LB_FLOW_DONT_FRAGMENT : 0;
    flow->tos = ip->tos;
    flow->ttl = ip->ttl;
    flow->protocol = ip->protocol;
    addresses->source = lb_address_of_ipv4(ip->source);
    addresses->destination = lb_address_of_ipv4(ip->destination);
  } else {
    const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
    header_length = sizeof(*ip);
    if (header + header_length > end) return 0;
    uint32_t first_word = LB_NET32(ip->version_class_label);
    if (first_word >> 28 != 6) return 0;
    total_length = header_length + LB_NET16(ip->payload_length);
    flow->flags = LB_FLOW_DONT_FRAGMENT;
    flow->tos = (uint8_t)(first_word >> 20);
    flow->ttl = ip->hop_limit;
    flow->protocol = ip->next_header;
    addresses->source.word[0] = ip->source[0];
    addresses->source.word[1] = ip->source[1];
    addresses->destination.word[0] = ip->destination[0];
    addresses->destination.word[1] = ip->destination[1];
  }
  if (flow->protocol != LB_PROTOCOL_TCP && flow->protocol != LB_PROTOCOL_UDP) return 0;
  if (total_length < header_length || total_length > 0xffff) return 0;
  if (header + total_length > end) return 0;
  flow->ip_length = (uint16_t)total_length;
  flow->l4_offset = (uint16_t)(flow->l3_offset + header_length);
  return lb_parse_ports(data, end, flow) == LB_REASON_none;
}

LB_INLINE void lb_batch_message(struct lb_batch* batch, uint32_t family,
                                const struct lb_hash_message* message, uint32_t position) {
  if (LB_LIKELY(family == LB_IPV4)) {
    uint32_t at = batch->count[0]++;
    batch->position[0][at] = (uint8_t)position;
    for (uint32_t w = 0; w < LB_HASH_WORDS_IPV4; w++) batch->word4[w][at] = message->word[w];
    return;
  }
  uint32_t at = batch->count[1]++;
  batch->position[1][at] = (uint8_t)position;
  for (uint32_t w = 0; w < LB_HASH_WORDS_IPV6; w++) batch->word6[w][at] = message->word[w];
}

// The long way, and what it found for the memo.
static __attribute__((noinline, unused)) enum lb_verdict lb_batch_add_any(
    const struct lb_view* view, struct lb_batch* batch, struct lb_memo* memo, const uint8_t* data,
    const uint8_t* end, struct lb_flow* flow, uint32_t position) {
  struct lb_hash_message message;
  struct lb_addresses addresses;
  const struct lb_service* service = 0;
  lb_flow_clear(flow);
  enum lb_reason reason = lb_match_packet(view, data, end, flow, &addresses, &message, &service);
  flow->reason = (uint8_t)reason;
  if (reason || (flow->flags & LB_FLOW_ECHO)) return lb_reason_verdict(reason);
  lb_batch_message(batch, flow->family, &message, position);
  if (flow->flags & LB_FLOW_ICMP_ERROR) return LB_FORWARD;
  uint32_t key = lb_memo_key(flow);
  struct lb_memo_entry* entry = lb_memo_place(memo, addresses.destination, key);
  entry->address[0] = addresses.destination.word[0];
  entry->address[1] = addresses.destination.word[1];
  entry->key = key;
  entry->service = flow->service;
  entry->client_only = service->affinity == LB_AFFINITY_CLIENT;
  return LB_FORWARD;
}

// The last sixteen bytes of a flow as two words: the compiler does not put twelve stores together.
LB_STATIC_ASSERT(__builtin_offsetof(struct lb_flow, l4_offset) == 16 &&
                     __builtin_offsetof(struct lb_flow, ip_length) == 18 &&
                     __builtin_offsetof(struct lb_flow, source_port) == 20 &&
                     __builtin_offsetof(struct lb_flow, destination_port) == 22 &&
                     __builtin_offsetof(struct lb_flow, family) == 24 &&
                     __builtin_offsetof(struct lb_flow, protocol) == 25 &&
                     __builtin_offsetof(struct lb_flow, transport) == 26 &&
                     __builtin_offsetof(struct lb_flow, tos) == 27 &&
                     __builtin_offsetof(struct lb_flow, ttl) == 28 &&
                     __builtin_offsetof(struct lb_flow, flags) == 29 &&
                     sizeof(struct lb_flow) == 32,
                 "as lb_batch_add_tcp_of() writes them");

// What the shortest way reads of an IP header that is plain, and only TCP behind it.
struct lb_plain_ip {
  struct lb_addresses addresses;
  uint32_t total_length;
  uint32_t flags;  // LB_FLOW_DONT_FRAGMENT
  uint8_t tos;
  uint8_t ttl;
};

// `header` of at least sizeof(struct lb_ipv4) bytes. False: it is not plain, or not right.
LB_INLINE int lb_read_plain_ipv4(const uint8_t* header, struct lb_plain_ip* read) {
  const struct lb_ipv4* ip = (const struct lb_ipv4*)header;
  if (ip->version_ihl != 0x45 || ip->protocol != LB_PROTOCOL_TCP) return 0;
  if (ip->flags_offset & LB_IPV4_FRAGMENT_MASK) return 0;
  read->total_length = LB_NET16(ip->total_length);
  read->flags = ip->flags_offset & LB_IPV4_DONT_FRAGMENT ? LB_FLOW_DONT_FRAGMENT : 0;
  read->tos = ip->tos;
  read->ttl = ip->ttl;
  read->addresses.source = lb_address_of_ipv4(ip->source);
  read->addresses.destination = lb_address_of_ipv4(ip->destination);
  return 1;
}

// The same for sizeof(struct lb_ipv6).
LB_INLINE int lb_read_plain_ipv6(const uint8_t* header, struct lb_plain_ip* read) {
  const struct lb_ipv6* ip = (const struct lb_ipv6*)header;
  uint32_t first_word = LB_NET32(ip->version_class_label);
  if (first_word >> 28 != 6 || ip->next_header != LB_PROTOCOL_TCP) return 0;
  read->total_length = (uint32_t)sizeof(*ip) + LB_NET16(ip->payload_length);
  read->flags = LB_FLOW_DONT_FRAGMENT;
  read->tos = (uint8_t)(first_word >> 20);
  read->ttl = ip->hop_limit;
  read->addresses.source.word[0] = ip->source[0];
  read->addresses.source.word[1] = ip->source[1];
  read->addresses.destination.word[0] = ip->destination[0];
  read->addresses.destination.word[1] = ip->destination[1];
  return read->total_length <= 0xffff;
}

// `family` is a constant at every call.
LB_INLINE int lb_batch_add_tcp_of(struct lb_batch* batch, struct lb_memo* memo, const uint8_t* data,
                                  const uint8_t* end, struct lb_flow* flow, uint32_t position,
                                  uint32_t family) {
  const uint32_t l3_offset = sizeof(struct lb_ethernet);
  const uint32_t ip_header = family == LB_IPV4 ? sizeof(struct lb_ipv4) : sizeof(struct lb_ipv6);
  const uint32_t l4_offset = l3_offset + ip_header;
  const struct lb_tcp* tcp = (const struct lb_tcp*)(data + l4_offset);
  if ((const uint8_t*)(tcp + 1) > end) return 0;
  struct lb_plain_ip ip;
  if (!(family == LB_IPV4 ? lb_read_plain_ipv4(data + l3_offset, &ip)
                          : lb_read_plain_ipv6(data + l3_offset, &ip)))
    return 0;
  uint32_t tcp_header = (tcp->data_offset >> 4) * 4u;
  if (data + l3_offset + ip.total_length > end) return 0;
  if (tcp_header < sizeof(*tcp) || ip_header + tcp_header > ip.total_length) return 0;

  uint32_t ports = 0;  // source, destination
  __builtin_memcpy(&ports, tcp, sizeof(ports));
  const struct lb_address* destination = &ip.addresses.destination;
  uint32_t key = ports >> 16 | LB_PROTOCOL_TCP << 16 | family << 24;  // as lb_memo_key()
  const struct lb_memo_entry* entry = lb_memo_place(memo, *destination, key);
  if (entry->key != key || entry->address[1] != destination->word[1]) return 0;
  // Of an IPv4 address, which the key tells, the first word is 0.
  if (family == LB_IPV6 && entry->address[0] != destination->word[0]) return 0;

  uint64_t flags = LB_FLOW_HAS_PORTS | ip.flags;
  if ((tcp->flags & (LB_TCP_SYN | LB_TCP_ACK)) == LB_TCP_SYN) flags |= LB_FLOW_NEW;
  uint64_t tail[2] = {l4_offset | ip.total_length << 16 | (uint64_t)ports << 32,
                      family | LB_PROTOCOL_TCP << 8 | LB_TCP << 16 | (uint64_t)ip.tos << 24 |
                          (uint64_t)ip.ttl << 32 | flags << 40};
  flow->service = entry->service;
  flow->l3_offset = (uint16_t)l3_offset;
  __builtin_memcpy((uint8_t*)flow + __builtin_offsetof(struct lb_flow, l4_offset), tail,
                   sizeof(tail));

  struct lb_hash_message message;
  uint64_t ports_word = ports | (uint64_t)LB_PROTOCOL_TCP << 32;
  if (family == LB_IPV4)
    lb_hash_message_ipv4(&message, lb_ipv4_of_address(ip.addresses.source),
                         lb_ipv4_of_address(*destination), ports_word, entry->client_only);
  else
    lb_hash_message_ipv6(&message, ip.addresses.source, *destination, ports_word,
                         entry->client_only);
  lb_batch_message(batch, family, &message, position);
  return 1;
}

// The shortest way, for what most packets are: untagged, TCP right behind the IP header, no
// options or fragment, to a service that the memo knows. False: it is none of these, or not right,
// and nothing is written.
LB_INLINE int lb_batch_add_tcp(struct lb_batch* batch, struct lb_memo* memo, const uint8_t* data,
                               const uint8_t* end, struct lb_flow* flow, uint32_t position) {
  const struct lb_ethernet* ethernet = (const struct lb_ethernet*)data;
  if ((const uint8_t*)(ethernet + 1) > end) return 0;
  if (LB_LIKELY(ethernet->type == LB_ETHERTYPE_IPV4))
    return lb_batch_add_tcp_of(batch, memo, data, end, flow, position, LB_IPV4);
  if (ethernet->type != LB_ETHERTYPE_IPV6) return 0;
  return lb_batch_add_tcp_of(batch, memo, data, end, flow, position, LB_IPV6);
}

// As lb_classify(), but for hash and slot. `position`: the flow's place in what lb_batch_finish()
// gets.
LB_INLINE enum lb_verdict lb_batch_add(const struct lb_view* view, struct lb_batch* batch,
                                       struct lb_memo* memo, const uint8_t* data,
                                       const uint8_t* end, struct lb_flow* flow,
                                       uint32_t position) {
  if (lb_batch_add_tcp(batch, memo, data, end, flow, position)) return LB_FORWARD;
  struct lb_addresses addresses;
  if (LB_UNLIKELY(!lb_parse_plain(data, end, flow, &addresses)))
    return lb_batch_add_any(view, batch, memo, data, end, flow, position);
  uint32_t key = lb_memo_key(flow);
  const struct lb_memo_entry* entry = lb_memo_place(memo, addresses.destination, key);
  if (LB_UNLIKELY(entry->key != key || ((entry->address[0] ^ addresses.destination.word[0]) |
                                        (entry->address[1] ^ addresses.destination.word[1]))))
    return lb_batch_add_any(view, batch, memo, data, end, flow, position);
  flow->service = entry->service;
  flow->reason = LB_REASON_none;
  flow->reserved = 0;
  struct lb_hash_message message;
  lb_hash_message_of(&message, flow, &addresses, entry->client_only);
  lb_batch_message(batch, flow->family, &message, position);
  return LB_FORWARD;
}

LB_INLINE void lb_batch_slots(const struct lb_view* view, const uint64_t* hashes,
                              const uint8_t* positions, uint32_t count, struct lb_flow* flows) {
  for (uint32_t i = 0; i < count; i++) {
    struct lb_flow* flow = &flows[positions[i]];
    const struct lb_service* service = lb_view_service(view, flow->service);
    flow->hash = hashes[i];
    flow->slot = (uint32_t)(hashes[i] >> (service->slot_shift & 63));
    LB_PREFETCH(lb_view_slot(view, service, flow->slot));
  }
}

LB_INLINE void lb_batch_finish(const struct lb_view* view, const struct lb_batch* batch,
                               struct lb_flow* flows) {
  uint64_t hashes[LB_BATCH_MAX];
  if (LB_LIKELY(batch->count[0])) {
    lb_hash_batch(lb_view_params(view)->hash_key, &batch->word4[0][0], LB_HASH_WORDS_IPV4,
                  batch->count[0], hashes);
    lb_batch_slots(view, hashes, batch->position[0], batch->count[0], flows);
  }
  if (batch->count[1]) {
    lb_hash_batch(lb_view_params(view)->hash_key, &batch->word6[0][0], LB_HASH_WORDS_IPV6,
                  batch->count[1], hashes);
    lb_batch_slots(view, hashes, batch->position[1], batch->count[1], flows);
  }
}

#endif  // DATAPLANE_FORWARD_BATCH_H_
