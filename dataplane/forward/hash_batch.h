// SipHash-1-3 (hash.h) of eight messages at a time, in vector registers: a round has no shortcut,
// but lanes are free. Native only; compiled for AVX-512, AVX2 and the baseline in one binary, and
// chosen by what the CPU has. Scalar code needs 105 instructions a message of two words, AVX-512
// some 15.
//
//   uint64_t words[2][LB_BATCH_MAX], hashes[LB_BATCH_MAX];
//   lb_hash_batch(key, &words[0][0], 2, count, hashes);
#ifndef DATAPLANE_FORWARD_HASH_BATCH_H_
#define DATAPLANE_FORWARD_HASH_BATCH_H_

#include <stdint.h>

#include "dataplane/forward/compiler.h"

#define LB_BATCH_MAX 64
#define LB_LANES 8

typedef uint64_t lb_lanes __attribute__((vector_size(LB_LANES * 8), aligned(8), may_alias));

#define LB_LANES_ROTATE(x, bits) (((x) << (bits)) | ((x) >> (64 - (bits))))
#define LB_LANES_ROUND(v0, v1, v2, v3) \
  do {                                 \
    v0 += v1;                          \
    v2 += v3;                          \
    v1 = LB_LANES_ROTATE(v1, 13) ^ v0; \
    v3 = LB_LANES_ROTATE(v3, 16) ^ v2; \
    v0 = LB_LANES_ROTATE(v0, 32);      \
    v2 += v1;                          \
    v0 += v3;                          \
    v1 = LB_LANES_ROTATE(v1, 17) ^ v2; \
    v3 = LB_LANES_ROTATE(v3, 21) ^ v0; \
    v2 = LB_LANES_ROTATE(v2, 32);      \
  } while (0)

// Word w of message i is words[w * LB_BATCH_MAX + i]. Whole groups of lanes are read and written.
LB_INLINE void lb_hash_lanes(const uint64_t key[2], const uint64_t* words, uint32_t word_count,
                             uint32_t count, uint64_t* hashes) {
  for (uint32_t i = 0; i < count; i += LB_LANES) {
    lb_lanes zero = {0};
    lb_lanes v0 = zero + (uint64_t)(key[0] ^ 0x736f6d6570736575ull);
    lb_lanes v1 = zero + (uint64_t)(key[1] ^ 0x646f72616e646f6dull);
    lb_lanes v2 = zero + (uint64_t)(key[0] ^ 0x6c7967656e657261ull);
    lb_lanes v3 = zero + (uint64_t)(key[1] ^ 0x7465646279746573ull);
    for (uint32_t w = 0; w <= word_count; w++) {
      lb_lanes word = zero + ((uint64_t)(word_count * 8) << 56);
      if (w < word_count) word = *(const lb_lanes*)(words + w * LB_BATCH_MAX + i);
      v3 ^= word;
      LB_LANES_ROUND(v0, v1, v2, v3);
      v0 ^= word;
    }
    v2 ^= zero + (uint64_t)0xff;
    LB_LANES_ROUND(v0, v1, v2, v3);
    LB_LANES_ROUND(v0, v1, v2, v3);
    LB_LANES_ROUND(v0, v1, v2, v3);
    *(lb_lanes*)(hashes + i) = v0 ^ v1 ^ v2 ^ v3;
  }
}

#if defined(__x86_64__)
#define LB_HASH_BATCH_FOR(name, attribute)                                                   \
  static inline attribute void name(const uint64_t key[2], const uint64_t* words,            \
                                    uint32_t word_count, uint32_t count, uint64_t* hashes) { \
    lb_hash_lanes(key, words, word_count, count, hashes);                                    \
  }
LB_HASH_BATCH_FOR(lb_hash_batch_avx512, __attribute__((target("avx512f"))))
LB_HASH_BATCH_FOR(lb_hash_batch_avx2, __attribute__((target("avx2"))))
#undef LB_HASH_BATCH_FOR
#endif

static inline void lb_hash_batch(const uint64_t key[2], const uint64_t* words, uint32_t word_count,
                                 uint32_t count, uint64_t* hashes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    lb_hash_batch_avx512(key, words, word_count, count, hashes);
    return;
  }
  if (__builtin_cpu_supports("avx2")) {
    lb_hash_batch_avx2(key, words, word_count, count, hashes);
    return;
  }
#endif
  lb_hash_lanes(key, words, word_count, count, hashes);
}

#endif  // DATAPLANE_FORWARD_HASH_BATCH_H_
