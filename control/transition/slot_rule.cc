#include "control/transition/slot_rule.h"

namespace evenkeel {

lb_transition TailRecord() {
  lb_transition tail{};
  tail.previous = tail.armed_previous = LB_NONE;
  tail.state = LB_SLOT_TAIL;
  return tail;
}

lb_transition MoveSlot(const lb_transition* running, uint16_t from, bool has_failed,
                       const MoveTimes& times) {
  lb_transition next{};
  next.state = LB_SLOT_OPEN;
  if (running != nullptr && IsOpen(*running, times.now_ns)) {
    next.previous = running->previous;
    next.open_until_ns = running->open_until_ns;
  } else {
    next.previous = from;
    next.open_until_ns = times.now_ns + times.idle_ns;
  }
  next.open_until_ns = OpenUntil(next.open_until_ns, times.open_at_least_ns);

  next.armed_previous = LB_NONE;
  if (running != nullptr && IsArmed(*running, times.now_ns)) {
    next.armed_previous = running->armed_previous;
    next.armed_until_ns = running->armed_until_ns;
  } else if (!has_failed) {
    next.armed_previous = from;
    next.armed_until_ns = times.now_ns + kArmedNs;
  }
  return next;
}

}  // namespace evenkeel
