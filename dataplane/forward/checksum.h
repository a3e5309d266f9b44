// The Internet checksum (RFC 1071) over words as they lie in memory: one's complement sums don't
// depend on the byte order, so nothing is swapped. Incremental updates by RFC 1624, equation 3.
#ifndef DATAPLANE_FORWARD_CHECKSUM_H_
#define DATAPLANE_FORWARD_CHECKSUM_H_

#include <stdint.h>

#include "dataplane/forward/compiler.h"

// A sum of 16-bit or 32-bit words, below 2^48, to the 16 bits of the checksum field.
LB_INLINE uint16_t lb_checksum_fold(uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return (uint16_t)~sum;
}

// The checksum after one 16-bit word of what it covers has changed from `before` to `after`.
LB_INLINE uint16_t lb_checksum_update(uint16_t checksum, uint16_t before, uint16_t after) {
  return lb_checksum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~before + after);
}

#endif  // DATAPLANE_FORWARD_CHECKSUM_H_
