// What becomes of one slot's transition when tables change: the rule of the whole mechanism.
//
//   running        the slot stays                  the slot moves to another backend
//   pure           pure                            opens: previous = the owner so far
//   open, armed    as it is                        as it is: the oldest previous, and no longer
//   tail           tail; pure once no flow is left opens anew: previous = the owner so far
//
// TCP (open) and UDP (armed) have each their own previous and window in one record. A slot that
// comes back to where its flows are (A -> B -> A) is still open: B has flows too. UDP is armed for
// a planned move or a recovery, not for a failure. Pure functions; times are CLOCK_BOOTTIME.
#ifndef CONTROL_TRANSITION_SLOT_RULE_H_
#define CONTROL_TRANSITION_SLOT_RULE_H_

#include <cstdint>
#include <tuple>

#include "dataplane/table/records.h"

namespace evenkeel {

inline constexpr uint64_t kSecondNs = 1'000'000'000;
inline constexpr uint64_t kArmedNs = 60 * kSecondNs;

struct MoveTimes {
  uint64_t now_ns = 0;
  uint64_t idle_ns = 0;
  // A trial's end: whatever is open still is so then. What begins during the trial is tracked, and
  // the way back, made for that moment, keeps the oldest previous: it is right whenever a plane
  // takes it. 0: no trial.
  uint64_t open_at_least_ns = 0;
};

// The end of a window that would end at `open_until_ns`.
inline uint64_t OpenUntil(uint64_t open_until_ns, uint64_t open_at_least_ns) {
  return open_until_ns > open_at_least_ns ? open_until_ns : open_at_least_ns + 1;
}

// Records with these fields equal are one record.
inline auto TransitionKey(const lb_transition& t) {
  return std::tuple(t.state, t.previous, t.armed_previous, t.open_until_ns, t.armed_until_ns);
}

inline bool IsOpen(const lb_transition& t, uint64_t now_ns) {
  return t.state == LB_SLOT_OPEN && now_ns < t.open_until_ns;
}
inline bool IsArmed(const lb_transition& t, uint64_t now_ns) {
  return t.state == LB_SLOT_OPEN && now_ns < t.armed_until_ns;
}
inline bool IsTail(const lb_transition& t, uint64_t now_ns) {
  return !IsOpen(t, now_ns) && !IsArmed(t, now_ns);
}

// All tails are alike: only tracked flows matter in them.
lb_transition TailRecord();

// `running`: null when the slot was pure. `from`: its owner so far. `has_failed`: `from` is suspect
// or dead, or has no verdict.
lb_transition MoveSlot(const lb_transition* running, uint16_t from, bool has_failed,
                       const MoveTimes& times);

}  // namespace evenkeel

#endif  // CONTROL_TRANSITION_SLOT_RULE_H_
