// The probes in flight: numbered places, a bound on descriptors, and epoll.
//
// A ticket names a place and its use, so that an event or answer which comes after the end of a
// probe finds nobody. One thread.
#ifndef CONTROL_HEALTH_ATTEMPTS_H_
#define CONTROL_HEALTH_ATTEMPTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "control/health/probe.h"
#include "control/health/target.h"

namespace evenkeel {

enum class AttemptRole : uint8_t {
  kCheck,
  kPing,     // beside a check that got no answer: is the path alive?
  kConnect,  // likewise
};

struct Attempt {
  std::unique_ptr<Probe> probe;  // null: the place is free
  HealthTargetPtr target;        // which the probe refers to
  uint32_t check = 0;
  uint32_t generation = 0;
  AttemptRole role = AttemptRole::kCheck;
  int64_t started_ns = 0;
};

class Attempts {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `epoll` outlives this.
  Attempts(int epoll, size_t descriptors_max) : epoll_(epoll), descriptors_max_(descriptors_max) {}

  bool full() const { return descriptors_ >= descriptors_max_; }
  size_t descriptors_max() const { return descriptors_max_; }
  size_t in_flight() const { return attempts_.size() - free_.size(); }

  // Takes a place; the probe is not started yet.
  uint32_t Add(Attempt attempt);
  // Starts it, and watches its descriptor. With an outcome it has ended; End() is still to be
  // called.
  MaybeOutcome Start(uint32_t index);
  void End(uint32_t index);

  Attempt& operator[](uint32_t index) { return attempts_[index]; }

  static uint64_t Ticket(uint32_t index, uint32_t generation) {
    return uint64_t{generation} << 32 | index;
  }
  // The place that `ticket` names; kNone if that use of it has ended.
  uint32_t Find(uint64_t ticket) const;

 private:
  const int epoll_;
  const size_t descriptors_max_;
  std::vector<Attempt> attempts_;
  std::vector<uint32_t> free_;
  size_t descriptors_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_ATTEMPTS_H_
