// What a worker does when nothing comes: adaptive polling. After a millisecond without a packet it
// sleeps between polls, at first 50 and then up to 500 microseconds, so that an idle worker costs a
// few percent of its core; the first packet ends it. A burst that arrives in a sleep waits in the
// port's descriptors.
#ifndef DATAPLANE_WORKER_IDLE_H_
#define DATAPLANE_WORKER_IDLE_H_

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace evenkeel {

enum class Polling { kBusy, kAdaptive };

class Idle {
 public:
  Idle(Polling polling, uint64_t tsc_hz) : polling_(polling), patience_(tsc_hz / 1000) {}

  void OnPackets(uint64_t now_tsc) {
    last_packet_ = now_tsc;
    nap_ns_ = kFirstNapNs;
  }
  void OnEmptyPoll(uint64_t now_tsc) {
    if (polling_ == Polling::kBusy || now_tsc - last_packet_ < patience_) return;
    const timespec nap{0, nap_ns_};
    nanosleep(&nap, nullptr);
    nap_ns_ = std::min(nap_ns_ * 2, kLongestNapNs);
  }

 private:
  static constexpr long kFirstNapNs = 50'000;
  static constexpr long kLongestNapNs = 500'000;

  Polling polling_;
  uint64_t patience_;  // TSC ticks
  uint64_t last_packet_ = 0;
  long nap_ns_ = kFirstNapNs;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_IDLE_H_
