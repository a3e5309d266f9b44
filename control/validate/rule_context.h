// What a rule sees while it runs, and where it reports. One object for one Validate() call, one
// thread.
#ifndef CONTROL_VALIDATE_RULE_CONTEXT_H_
#define CONTROL_VALIDATE_RULE_CONTEXT_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/validate/rule.h"
#include "control/validate/shares.h"

namespace evenkeel {

// An override that applies, and whether anything needed it.
struct ActiveAllow {
  Allow allow;
  std::string path;  // where it stands in the file; empty: it came with the command
  bool used = false;

  bool in_force(absl::Time now) const { return now < allow.until; }
  // Whether it names `rule` and a place that is `path` or around it.
  bool Covers(absl::string_view rule, absl::string_view path) const;
};

class RuleContext {
 public:
  RuleContext(const Config& config, absl::Time now, std::vector<Allow> command_allow);

  const Config& config() const { return config_; }
  absl::Time now() const { return now_; }

  // The shares that the table of `pool` (an element of config().pools) gives; computed once.
  const std::optional<PoolShares>& SharesOf(const Pool& pool);

  // Report a finding of the rule that is running. `path` names the place; an allowed finding
  // becomes a note.
  void Error(std::string path, std::string message, std::string hint);
  void Warn(std::string path, std::string message, std::string hint);
  void Note(std::string path, std::string message, std::string hint);

  // Whether the file says something at `path`, rather than leaving a default.
  bool IsWritten(absl::string_view path) const { return config_.locations.Has(path); }
  // "line 12", for messages that point at a second place.
  std::string LineOf(absl::string_view path) const;
  // Whether an override in force covers the running rule there; counts as a use of it.
  bool IsAllowed(absl::string_view path);

  std::vector<ActiveAllow>& allows() { return allows_; }

  // For Validate() only.
  void Run(const Rule& rule);
  std::vector<Finding> TakeFindings();

 private:
  void Report(Severity severity, std::string path, std::string message, std::string hint);
  const ActiveAllow* UseAllow(absl::string_view path);

  const Config& config_;
  const absl::Time now_;
  std::vector<ActiveAllow> allows_;
  std::vector<std::optional<std::optional<PoolShares>>> shares_;  // by pool; outer: computed yet?
  const Rule* running_ = nullptr;
  std::vector<Finding> findings_;
  std::array<size_t, 3> reported_{};  // by severity
  size_t left_out_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_RULE_CONTEXT_H_
