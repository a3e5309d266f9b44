// The flow hash: SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", with one
// round a word and three at the end), 64 bits of output, keyed by the cluster's key.
//
// The message is 16 bytes for IPv4 and 40 for IPv6: source, destination, source port, destination
// port, protocol, three zero bytes, all in network order. With affinity `client` every byte but the
// source is 0. slot = top bits of the hash, signature = bits 32 to 63.
//
// Called by lb_classify() on both planes. Golden vectors: tests/dataplane/forward/hash_test.cc.
#ifndef DATAPLANE_FORWARD_HASH_H_
#define DATAPLANE_FORWARD_HASH_H_

#include <stdint.h>

#include "dataplane/forward/wire.h"

#define LB_HASH_WORDS_IPV4 2
#define LB_HASH_WORDS_IPV6 5

struct lb_hash_message {
  uint64_t word[LB_HASH_WORDS_IPV6];  // IPv4 uses the first two
};

struct lb_sip {
  uint64_t v0, v1, v2, v3;
};

LB_INLINE uint64_t lb_rotate_left(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

LB_INLINE void lb_sip_round(struct lb_sip* s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = lb_rotate_left(s->v1, 13) ^ s->v0;
  s->v3 = lb_rotate_left(s->v3, 16) ^ s->v2;
  s->v0 = lb_rotate_left(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = lb_rotate_left(s->v1, 17) ^ s->v2;
  s->v3 = lb_rotate_left(s->v3, 21) ^ s->v0;
  s->v2 = lb_rotate_left(s->v2, 32);
}

LB_INLINE void lb_sip_word(struct lb_sip* s, uint64_t word) {
  s->v3 ^= word;
  lb_sip_round(s);
  s->v0 ^= word;
}

// `words` is a constant at every call, so the loop is gone.
LB_INLINE uint64_t lb_siphash13(const uint64_t key[2], const struct lb_hash_message* message,
                                uint32_t words) {
  struct lb_sip s = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
                     key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};
  for (uint32_t i = 0; i < words; i++) lb_sip_word(&s, message->word[i]);
  lb_sip_word(&s, (uint64_t)(words * 8) << 56);
  s.v2 ^= 0xff;
  lb_sip_round(&s);
  lb_sip_round(&s);
  lb_sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

// Ports in network order, as they lie in the packet.
LB_INLINE uint64_t lb_hash_ports_word(uint16_t source_port, uint16_t destination_port,
                                      uint32_t protocol) {
  return source_port | ((uint64_t)destination_port << 16) | ((uint64_t)protocol << 32);
}

LB_INLINE void lb_hash_message_ipv4(struct lb_hash_message* message, uint32_t source,
                                    uint32_t destination, uint64_t ports_word, int client_only) {
  message->word[0] = client_only ? source : source | ((uint64_t)destination << 32);
  message->word[1] = client_only ? 0 : ports_word;
}

LB_INLINE void lb_hash_message_ipv6(struct lb_hash_message* message, struct lb_address source,
                                    struct lb_address destination, uint64_t ports_word,
                                    int client_only) {
  message->word[0] = source.word[0];
  message->word[1] = source.word[1];
  message->word[2] = client_only ? 0 : destination.word[0];
  message->word[3] = client_only ? 0 : destination.word[1];
  message->word[4] = client_only ? 0 : ports_word;
}

LB_INLINE uint32_t lb_hash_signature(uint64_t hash) { return (uint32_t)(hash >> 32); }

#endif  // DATAPLANE_FORWARD_HASH_H_
