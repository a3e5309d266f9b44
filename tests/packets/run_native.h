// One frame through the core in this process, each step on a heap buffer of exactly the frame's
// size, so that AddressSanitizer sees a byte too far in either direction.
#ifndef TESTS_PACKETS_RUN_NATIVE_H_
#define TESTS_PACKETS_RUN_NATIVE_H_

#include <vector>

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

// A table of tracked flows, and the time by which they are judged. It is swept as time passes, as a
// worker sweeps its own.
class NativeFlows {
 public:
  explicit NativeFlows(uint32_t buckets) : buckets_(buckets) {}

  // A view with this table; it and what it was made of must outlive it.
  lb_view Over(const lb_view& view, uint64_t now_ns) {
    table_ = {.head = &head_,
              .buckets = buckets_.data(),
              .bucket_mask = static_cast<uint32_t>(buckets_.size() - 1),
              .now_ns = now_ns};
    lb_view tracking = view;
    tracking.flows = &table_;
    const uint64_t tick = now_ns / LB_TICK_NS;
    for (uint64_t at = tick_ + 2; at < tick && at <= tick_ + LB_PENDING_TICKS + 2; at += 2) {
      Sweep(tracking, at);
    }
    if (tick != tick_) Sweep(tracking, tick);
    tick_ = tick;
    return tracking;
  }
  const lb_flow_head& head() const { return head_; }
  std::vector<lb_flow_bucket>& buckets() { return buckets_; }

 private:
  void Sweep(const lb_view& view, uint64_t tick) {
    lb_flow_sweep(&view, static_cast<uint32_t>(buckets_.size()),
                  static_cast<uint32_t>(tick) & LB_STAMP_MASK);
  }

  uint64_t tick_ = 0;
  std::vector<lb_flow_bucket> buckets_;
  lb_flow_head head_{};
  lb_flow_table table_{};
};

Outcome RunNative(const lb_view& view, const Bytes& in);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_RUN_NATIVE_H_
