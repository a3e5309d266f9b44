// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// What the wrapper and the bench share. Only data; common subset of C11 and C++17.
#ifndef TOOLS_XDP_BENCH_WRAPPER_H_
#define TOOLS_XDP_BENCH_WRAPPER_H_

#include <stdint.h>

struct wrapper_frame {
  uint32_t length;  // of the frame as it is given
  uint32_t family;  // enum lb_family
  uint32_t flows;
  uint32_t step;  // has no common divisor with `flows`
  uint32_t flow;  // the next one
  uint32_t reserved;
  uint8_t ethernet[16];
  uint8_t outer[40];
};

#endif  // TOOLS_XDP_BENCH_WRAPPER_H_
