// One frame through the core in this process, each step on a heap buffer of exactly the frame's
// size, so that AddressSanitizer sees a byte too far in either direction.
#ifndef TESTS_PACKETS_RUN_NATIVE_H_
#define TESTS_PACKETS_RUN_NATIVE_H_

#include "dataplane/forward/forward.h"
#include "tests/packets/bytes.h"

namespace evenkeel::packets {

struct Outcome {
  lb_verdict verdict = LB_DROP;
  lb_reason reason = LB_REASON_none;
  Bytes out;  // the frame that leaves; empty where none does
  lb_flow flow{};
  lb_decision decision{};
};

Outcome RunNative(const lb_view& view, const Bytes& in);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_RUN_NATIVE_H_
