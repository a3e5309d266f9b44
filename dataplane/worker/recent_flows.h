// Which UDP flows were seen lately: makes `new_flows` mean something for a protocol without a SYN.
//
// A set of signatures with bounded memory: buckets of eight in one half cache line. A signature
// that was not seen for one to two periods is forgotten, and a full bucket forgets its oldest;
// either way a flow that goes on speaking is then counted a second time. Two flows with one
// signature (one in 2^27 a pair in the same bucket) count as one. It decides nothing: no packet's
// path depends on it.
//
// One worker's own. Not DESIGN's flow table, which tracks moved connections.
#ifndef DATAPLANE_WORKER_RECENT_FLOWS_H_
#define DATAPLANE_WORKER_RECENT_FLOWS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/forward/flow.h"

namespace evenkeel {

class RecentFlows {
 public:
  static constexpr uint32_t kBuckets = 16384;
  static constexpr uint32_t kWays = 8;
  static constexpr uint64_t kPeriodSeconds = 30;

  RecentFlows() : buckets_(std::make_unique<Bucket[]>(kBuckets)) {}

  // Of all that tells flows apart, ports too: with `affinity: client` the hash leaves them out.
  static uint64_t Signature(const lb_flow& flow) {
    const uint64_t ports = (uint64_t{flow.source_port} << 16) | flow.destination_port;
    const uint64_t mixed = (flow.hash ^ (ports * 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
    return mixed ^ (mixed >> 32);
  }

  // True when the flow was not seen within the last period or two. `period` counts kPeriodSeconds;
  // 27 bits of signature and 5 of the period share a cell, so an entry that nobody displaced comes
  // to life again for a moment every 16 minutes.
  bool IsNew(uint64_t signature, uint64_t period) {
    Bucket& bucket = buckets_[signature % kBuckets];
    const uint32_t mark = static_cast<uint32_t>(signature >> 32) & kMarkMask;
    const uint32_t now = 1 + period % kPeriods;
    // All cells before any branch: which of them is the flow's, or the oldest, nobody can predict.
    uint32_t mine = kWays;
    uint32_t oldest = 0;  // its age, and by the lower bits the first of that age
    for (uint32_t way = kWays; way-- > 0;) {
      const uint32_t cell = bucket.cell[way];
      const uint32_t age = Age(cell & kPeriodMask, now);
      oldest = std::max(oldest, age * kWays + (kWays - 1 - way));
      mine = age <= 1 && (cell & kMarkMask) == mark ? way : mine;
    }
    bucket.cell[mine != kWays ? mine : kWays - 1 - oldest % kWays] = mark | now;
    return mine == kWays;
  }

  // So that IsNew() finds the bucket at hand.
  void Prefetch(uint64_t signature) const {
    __builtin_prefetch(&buckets_[signature % kBuckets], 1);
  }

 private:
  static constexpr uint32_t kPeriodMask = 31;
  static constexpr uint32_t kPeriods = 31;  // 1..31 in a cell; 0: empty
  static constexpr uint32_t kMarkMask = ~kPeriodMask;

  // An empty cell is as old as can be.
  static uint32_t Age(uint32_t then, uint32_t now) {
    const uint32_t age = now - then + (now < then ? kPeriods : 0);
    return then == 0 ? kPeriods : age;
  }

  struct alignas(32) Bucket {
    std::array<uint32_t, kWays> cell{};
  };
  std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_RECENT_FLOWS_H_
