// Which alarms are new and which are over, whoever raised them: told apart once a second, so that
// each reaches a person once when it is raised and once when it is cleared.
//
//   for (const AlarmEvent& event : book.Update(all_alarms)) Tell(event);
//
// One thread.
#ifndef CONTROL_WATCH_ALARM_BOOK_H_
#define CONTROL_WATCH_ALARM_BOOK_H_

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "control/change/calls.h"

namespace evenkeel {

struct AlarmEvent {
  bool is_raised = true;  // else cleared
  ControlAlarm alarm;     // a cleared one as it was last
};

class AlarmBook {
 public:
  // `now`: all that are held. What has only changed its words is no event.
  std::vector<AlarmEvent> Update(const std::vector<ControlAlarm>& now);

 private:
  using Key =
      std::tuple<std::string, std::optional<std::string>, std::optional<std::string>, absl::Time>;
  std::map<Key, ControlAlarm> held_;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_ALARM_BOOK_H_
