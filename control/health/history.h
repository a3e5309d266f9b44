// What a check has found so far: whether its backend passes, and whether anything answers on the
// way to it. A value; knows neither time nor sockets.
#ifndef CONTROL_HEALTH_HISTORY_H_
#define CONTROL_HEALTH_HISTORY_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "control/health/probe.h"

namespace evenkeel {

class CheckHistory {
 public:
  CheckHistory(uint32_t rise, uint32_t fall) : rise_(rise), fall_(fall) {}

  // The check itself has ended.
  void Take(const ProbeOutcome& outcome) {
    last_error_ = outcome.error;
    last_answered_ = outcome.answered;
    if (outcome.kind == ProbeOutcome::Kind::kUndecided) return;
    const bool passed = outcome.kind == ProbeOutcome::Kind::kPassed;
    run_ = passed == last_passed_ ? run_ + 1 : 1;
    last_passed_ = passed;
    if (run_ >= (passed ? rise_ : fall_)) passing_ = passed;
  }

  // Everything that was tried at once, by the check's own way, has ended. `complete`: connection
  // and ping were among it, so that silence means something.
  void TakeRound(bool answered, bool complete) {
    if (answered) {
      silent_ = 0;
    } else if (complete) {
      silent_ = std::min(silent_ + 1, fall_);
    }
  }

  // Unset until `rise` passes or `fall` failures came in a row.
  std::optional<bool> passing() const { return passing_; }
  // False once `fall` complete rounds in a row were silent.
  bool path_alive() const { return silent_ < fall_; }
  // It looks well, and one more pass or few will tell: worth asking soon.
  bool nearly_passing() const { return !passing_ && run_ > 0 && last_passed_; }
  bool last_answered() const { return last_answered_; }
  const std::string& last_error() const { return last_error_; }

 private:
  uint32_t rise_;
  uint32_t fall_;
  uint32_t run_ = 0;  // of equal results up to now
  bool last_passed_ = false;
  uint32_t silent_ = 0;
  std::optional<bool> passing_;
  bool last_answered_ = true;
  std::string last_error_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_HISTORY_H_
