// A dry run of checks: before a configuration is applied, would its backends pass from this node?
// And if not, what is it that fails?
//
// Twice as many failures as one are asked for before a check counts as failed, and what fails is
// asked again by other ways, to tell a wrong port from a VIP that is missing. Blocks the caller;
// one run at a time in a network namespace (a second one is told that the device is taken).
//
//   for (const ProbeReport& report : ProbeOnce(HealthTargetsOf(config), config.network, bound))
//
// ProbeRounds asks the same again and again, once each, for whoever judges by rounds.
#ifndef CONTROL_HEALTH_PROBE_ONCE_H_
#define CONTROL_HEALTH_PROBE_ONCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/health/target.h"

namespace evenkeel {

class HealthEngine;

enum class ProbeFinding {
  kPasses,
  kWrongAnswer,  // the way is right: somebody answers, but not as the check wants
  kNoVip,        // the backend unwraps, and the VIP gives no answer
  kNoTunnel,     // the backend's own address answers, and nothing does through the tunnel
  kSilent,       // nothing answers at all
  kNotChecked,   // this node could not ask
};

struct ProbeReport {
  HealthTarget target;
  ProbeFinding finding = ProbeFinding::kPasses;
  std::string error;  // a sentence; empty when it passes
};

// One report for each target, in their order, within about `bound`.
std::vector<ProbeReport> ProbeOnce(const std::vector<HealthTarget>& targets, const Network& network,
                                   absl::Duration bound);

// Its device, beside ProbeOnce()'s, is there from the first round to the end of this. One thread.
class ProbeRounds {
 public:
  ProbeRounds();
  ~ProbeRounds();

  // One attempt each, without the other ways: kPasses, kWrongAnswer, kSilent or kNotChecked. Takes
  // no longer than the longest timeout, and a moment.
  std::vector<ProbeReport> Ask(const std::vector<HealthTarget>& targets, const Network& network);

 private:
  std::unique_ptr<HealthEngine> engine_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_PROBE_ONCE_H_
