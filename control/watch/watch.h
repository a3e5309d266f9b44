// The watch of a node: its services' backends and its workers, second by second.
//
// Pure: fed with counts (second_maker.h makes them of what the planes report), it says what is
// wrong now. Nothing acts on it here.
//
//   watch.Add(second);
//   if (watch.NeedsAudit()) watch.SetTables(...);
//   for (const WatchAlarm& alarm : watch.Alarms()) ...
//
// One thread.
#ifndef CONTROL_WATCH_WATCH_H_
#define CONTROL_WATCH_WATCH_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "control/watch/follow_up.h"
#include "control/watch/meaning.h"
#include "control/watch/split_watch.h"
#include "control/watch/watch_alarm.h"
#include "control/watch/watch_second.h"

namespace evenkeel {

class Watch {
 public:
  void Add(const WatchSecond& second);

  // Flows are not shared out as the tables say, and whether the planes hold those tables has not
  // been looked at since that began.
  bool NeedsAudit() const;
  void SetTables(TableVerdict verdict) { tables_ = std::move(verdict); }

  // Services in the order of the revision, each with its backends.
  std::vector<WatchAlarm> Alarms() const;

 private:
  struct State {
    SplitWatch split;
    FollowUp follow_up;
  };

  bool IsUneven() const;

  std::shared_ptr<const WatchedNode> node_;
  absl::flat_hash_map<uint64_t, State> services_;
  SplitWatch workers_;
  TableVerdict tables_;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_WATCH_H_
