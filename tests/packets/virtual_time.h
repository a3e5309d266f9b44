// Lets a plane that reads the kernel's clock live through a story's time: before each packet the
// stamps of its flow table are shifted, and the deadlines of its tables told, such that it finds
// what it would have found. A packet during which the clock stepped is run again on what was there
// before.
//
//   VirtualTime time(buckets);
//   time.At(900, [&](uint64_t start_ns) { ...tables with that start_ns..., one packet... });
#ifndef TESTS_PACKETS_VIRTUAL_TIME_H_
#define TESTS_PACKETS_VIRTUAL_TIME_H_

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "dataplane/table/flow_records.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

inline uint64_t BootNs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

class VirtualTime {
 public:
  explicit VirtualTime(std::span<lb_flow_bucket> buckets) : buckets_(buckets) {}

  // `second` is even and does not go back. `packet` may be called more than once.
  template <typename Packet>
  void At(uint64_t second, Packet packet) {
    const std::vector<lb_flow_bucket> before(buckets_.begin(), buckets_.end());
    for (;;) {
      const uint64_t real = BootNs() / LB_TICK_NS;
      const uint64_t tick = second / LB_TICK_SECONDS;
      for (size_t i = 0; i < before.size(); ++i) {
        for (uint32_t way = 0; way < LB_FLOW_WAYS; ++way) {
          buckets_[i].entry[way] = Shifted(before[i].entry[way], tick, real);
        }
      }
      packet((real - tick) * LB_TICK_NS);
      if (BootNs() / LB_TICK_NS != real) continue;
      tick_ = tick;
      real_ = real;
      return;
    }
  }

  // The real clock's, by which the entries are stamped now.
  uint32_t real_tick() const { return static_cast<uint32_t>(real_) & LB_STAMP_MASK; }

 private:
  uint64_t Shifted(uint64_t entry, uint64_t tick, uint64_t real) const {
    const uint32_t kind = lb_entry_class(entry);
    if (kind == LB_ENTRY_FREE) return 0;
    // An age that no longer fits stays too old, as if swept in time.
    const uint64_t age_max = kind == LB_ENTRY_PENDING ? LB_PENDING_TICK_MASK : LB_STAMP_MASK;
    const uint64_t age = std::min(
        age_max, lb_entry_age(entry, static_cast<uint32_t>(real_) & LB_STAMP_MASK) + tick - tick_);
    const uint32_t stamp = static_cast<uint32_t>(real - age);
    const uint32_t kept =
        kind == LB_ENTRY_PENDING
            ? (lb_entry_stamp(entry) & ~LB_PENDING_TICK_MASK) | (stamp & LB_PENDING_TICK_MASK)
            : stamp;
    return lb_entry(lb_entry_signature(entry), lb_entry_backend(entry), kept,
                    static_cast<uint32_t>(entry >> 61));
  }

  std::span<lb_flow_bucket> buckets_;
  uint64_t tick_ = 0;
  uint64_t real_ = 0;
};

// What a table holds that still counts at `tick`, each with its age instead of its stamp: equal for
// planes that have seen the same, whatever their clocks say and however far their sweeps are. By
// place; of each its signature, backend, state, and age (pending: and sequence number).
using LivingFlow = std::tuple<uint32_t, uint32_t, uint32_t, uint32_t>;
inline std::map<uint32_t, LivingFlow> LivingFlows(std::span<const lb_flow_bucket> buckets,
                                                  uint32_t tick, const Tables& tables) {
  std::map<uint32_t, LivingFlow> living;
  for (uint32_t place = 0; place < buckets.size() * LB_FLOW_WAYS; ++place) {
    const uint64_t entry = buckets[place / LB_FLOW_WAYS].entry[place % LB_FLOW_WAYS];
    const uint32_t kind = lb_entry_class(entry);
    if (kind == LB_ENTRY_FREE || lb_entry_backend(entry) >= tables.backends().size()) continue;
    const lb_backend& backend = tables.backends()[lb_entry_backend(entry)];
    if (backend.family == LB_FAMILY_NONE) continue;
    const uint16_t idle_ticks = lb_idle_ticks(tables.pools()[backend.pool].idle_s);
    if (lb_entry_is_expired(entry, tick, idle_ticks)) continue;
    uint32_t age = lb_entry_age(entry, tick);
    if (kind == LB_ENTRY_PENDING) age |= lb_entry_stamp(entry) & ~LB_PENDING_TICK_MASK;
    living[place] = {lb_entry_signature(entry), lb_entry_backend(entry),
                     static_cast<uint32_t>(entry >> 61), age};
  }
  return living;
}

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_VIRTUAL_TIME_H_
