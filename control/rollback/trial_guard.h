// Ends trials without a person: back, on evidence; and for good, where `--confirm=auto` asked for
// it and enough was seen. Widens canaries.
//
// Fed once a second by whoever watches the traffic, with what the watch says. It decides by
// ReasonToReturn(); what acts is written to the log with its evidence. A restart of evenkeeld
// forgets that a trial was to confirm itself: it then goes back at its deadline, unless a person
// confirms it.
//
//   TrialGuard guard(&pipeline, make_ask, rates);
//   guard.See(traffic_now, alarms, now);                  // each second, from one thread
//   if (auto why = guard.WhyNotAuto(call)) ...            // any thread: before such an apply
//   guard.ConfirmByItself(revision);                      // any thread: after it
#ifndef CONTROL_ROLLBACK_TRIAL_GUARD_H_
#define CONTROL_ROLLBACK_TRIAL_GUARD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/rollback/auto_confirm.h"
#include "control/rollback/path_asker.h"

namespace evenkeel {

class TrialGuard {
 public:
  // `rates`: the lowest new flows a second of the last hour, by service.
  using Rates = std::function<std::map<std::string, double>()>;

  TrialGuard(Pipeline* pipeline, PathAsker::MakeAsk make_ask, Rates rates)
      : pipeline_(*pipeline), asker_(std::move(make_ask)), rates_(std::move(rates)) {}

  // `now` as Traffic shows it to its observer; `alarms` are the watch's of this second.
  void See(const TrafficNow& now, const std::vector<WatchAlarm>& alarms, absl::Time at);

  // Not set: a trial of this could confirm itself.
  std::optional<Refusal> WhyNotAuto(const ApplyCall& call);
  void ConfirmByItself(int64_t revision);

 private:
  // Of the trial that runs.
  struct Watched {
    int64_t revision = 0;
    int percent = 100;  // of the slots; below it: a stage of a canary
    absl::Time since;
    Config base;
    RunningPtr running;
    const Config& goal() const {
      return running->canary ? running->canary->after : running->config;
    }
    std::vector<GainingBackend> gaining;
    absl::flat_hash_map<FlowKey, FlowTotals> at_start;
    std::vector<uint64_t> drops_before;  // by reason, in the ten seconds before it
  };
  struct DropLook {
    absl::Time at;
    uint64_t received = 0;
    std::vector<uint64_t> reasons;
  };

  void Remember(const TrafficNow& now, absl::Time at);
  bool Begin(const TrialView& trial, const TrafficNow& now, absl::Time at);
  void GoOn(const AutoVerdict& verdict);
  void Forget();
  TrialEvidence EvidenceNow(const TrafficNow& now, const std::vector<WatchAlarm>& alarms) const;
  std::vector<CheckEvidence> Checks() const;
  std::vector<DropEvidence> Drops(const TrafficNow& now) const;
  AutoEvidence EvidenceToConfirm(const TrafficNow& now, const std::vector<WatchAlarm>& alarms,
                                 absl::Time at) const;
  bool MayConfirmByItself() const;

  Pipeline& pipeline_;
  PathAsker asker_;
  const Rates rates_;
  std::optional<Watched> trial_;
  std::deque<DropLook> looks_;  // of the last ten seconds and more, the oldest first
  std::string told_;            // why it does not go on yet, as logged last

  mutable std::mutex mutex_;  // guards what follows
  int64_t auto_revision_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_TRIAL_GUARD_H_
