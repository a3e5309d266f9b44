// What an alarm most likely means, in a sentence that names a fault of the catalogue.
//
// Pure. The order in which faults are looked for is path, follow-up, distribution: who does not
// answer is asked again and again, and so gets more than his share.
#ifndef CONTROL_WATCH_MEANING_H_
#define CONTROL_WATCH_MEANING_H_

#include <optional>
#include <string>

#include "control/watch/follow_up.h"
#include "control/watch/split_watch.h"
#include "control/watch/watch_alarm.h"
#include "control/watch/watch_second.h"

namespace evenkeel {

// What an audit of the planes' tables says, asked when flows are not shared out as they should be.
struct TableVerdict {
  bool is_known = false;
  std::string fault;  // empty: the planes hold what was published
};

WatchAlarm DistributionAlarm(const WatchedService& service, const SplitAlarm& alarm,
                             const TableVerdict& tables);
WatchAlarm FollowUpAlarm(const WatchedService& service, const SilentMember& silent);
WatchAlarm WholeAlarm(const WatchedService& service, const WholeState& whole);
WatchAlarm WorkersAlarm(const SplitAlarm& alarm);

// "web/web-1"; an id in hex where the running revision has no such backend.
std::string MemberName(const WatchedService& service, uint64_t id);

}  // namespace evenkeel

#endif  // CONTROL_WATCH_MEANING_H_
