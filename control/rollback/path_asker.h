// Asks the ways that a trial has changed, and their contrasts, again and again while it runs, on a
// thread of its own: an answer can take seconds.
//
//   PathAsker asker([] { return [rounds = std::make_shared<ProbeRounds>()](...) {...}; });
//   asker.Begin(PathsOf(base, trial), trial.network);
//   for (const PathEvidence& path : asker.Evidence()) ...
//   asker.End();
//
// Begin(), End() and Evidence() from one thread.
#ifndef CONTROL_ROLLBACK_PATH_ASKER_H_
#define CONTROL_ROLLBACK_PATH_ASKER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "control/health/probe_once.h"
#include "control/rollback/trial_judge.h"
#include "control/rollback/trial_paths.h"

namespace evenkeel {

class PathAsker {
 public:
  // As ProbeRounds::Ask().
  using Ask =
      std::function<std::vector<ProbeReport>(const std::vector<HealthTarget>&, const Network&)>;
  // Called for each list of paths; what it gives lives as long as they are asked.
  using MakeAsk = std::function<Ask()>;

  explicit PathAsker(MakeAsk make_ask) : make_ask_(std::move(make_ask)) {}
  ~PathAsker() { End(); }

  // Ends what was asked before.
  void Begin(std::vector<TrialPath> paths, const Network& network);
  // Waits for the round that runs, a second or two at most.
  void End();

  // Of the changed ways.
  std::vector<PathEvidence> Evidence() const;
  // Every changed way has answered in the last whole round. False before the first one, and where
  // there is nothing to ask.
  bool AllAnswer() const;

 private:
  void Run(const Network& network);
  void Count(const std::vector<ProbeReport>& reports);

  const MakeAsk make_ask_;
  std::vector<TrialPath> paths_;  // while the thread runs: read only
  std::thread thread_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool ending_ = false;
  bool all_answer_ = false;
  std::vector<PathEvidence> evidence_;  // parallel to the changed ways
};

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_PATH_ASKER_H_
