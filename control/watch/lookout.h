// The watch of a running evenkeeld: joins, once a second, what the planes count with the tables
// that they should run, keeps the alarms and the last hour, and tells of alarms that are new or
// over.
//
//   Lookout lookout(&pipeline, &traffic, [](const AlarmEvent& event) { ... });
//   traffic.Observe([&](const TrafficNow& now, absl::Time at) { lookout.See(now, at); });
//
// See() by the thread that samples the traffic; it asks for an audit where traffic does not follow
// the tables, which can take seconds. history() from any thread.
#ifndef CONTROL_WATCH_LOOKOUT_H_
#define CONTROL_WATCH_LOOKOUT_H_

#include <functional>
#include <memory>
#include <vector>

#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/watch/alarm_book.h"
#include "control/watch/history.h"
#include "control/watch/second_maker.h"
#include "control/watch/watch.h"

namespace evenkeel {

class Lookout {
 public:
  using Tell = std::function<void(const AlarmEvent&)>;

  // Both outlive it.
  Lookout(Pipeline* pipeline, Traffic* traffic, Tell tell)
      : pipeline_(*pipeline), traffic_(*traffic), tell_(std::move(tell)) {}

  // Shown what the watch has found before anybody is told: may add and explain.
  using Refine = std::function<void(std::vector<WatchAlarm>*)>;
  void RefineBy(Refine refine) { refine_ = std::move(refine); }

  void See(const TrafficNow& now, absl::Time at);

  const History& history() const { return history_; }
  // By See()'s thread.
  const std::vector<WatchAlarm>& alarms() const { return alarms_; }

 private:
  void FollowRevision(absl::Time at);
  void TellOf(const TrafficNow& now);
  void AuditTables(absl::Time at);

  Pipeline& pipeline_;
  Traffic& traffic_;
  const Tell tell_;
  Refine refine_;  // may be empty
  RunningPtr running_;
  std::shared_ptr<const WatchedNode> node_;
  SecondMaker maker_;
  Watch watch_;
  std::vector<WatchAlarm> alarms_;
  uint64_t seconds_ = 0;
  absl::Time next_audit_;
  AlarmBook of_pipeline_;  // which writes what it raises to the log by itself
  AlarmBook of_traffic_;
  History history_;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_LOOKOUT_H_
