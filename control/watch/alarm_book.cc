#include "control/watch/alarm_book.h"

#include <utility>

namespace evenkeel {

std::vector<AlarmEvent> AlarmBook::Update(const std::vector<ControlAlarm>& now) {
  std::vector<AlarmEvent> events;
  std::map<Key, ControlAlarm> held;
  for (const ControlAlarm& alarm : now) {
    const Key key{alarm.rule, alarm.service, alarm.backend, alarm.since};
    if (!held.try_emplace(key, alarm).second) continue;
    if (!held_.contains(key)) events.push_back({.is_raised = true, .alarm = alarm});
  }
  for (auto& [key, alarm] : held_) {
    if (!held.contains(key)) events.push_back({.is_raised = false, .alarm = std::move(alarm)});
  }
  held_ = std::move(held);
  return events;
}

}  // namespace evenkeel
