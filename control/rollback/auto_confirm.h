// `--confirm=auto`: when a trial may keep itself. It proves something or is refused.
//
// Refused before it begins: a plan with overrides, one in which a share more than doubles, one that
// changes nothing that traffic could show, one whose evidence cannot come before the deadline at
// the last hour's lowest rate. Confirmed: after at least a minute, once every backend that gains
// has had the flows that tell a fault, they are followed up no worse than those of the others, no
// backend that gains is above 80 % of its capacity, every changed way answers, and no alarm is
// held.
//
// A canary widens on the same evidence, and on less of it, since what comes next is another trial:
// see JudgeStage().
//
// Pure.
#ifndef CONTROL_ROLLBACK_AUTO_CONFIRM_H_
#define CONTROL_ROLLBACK_AUTO_CONFIRM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/change/calls.h"
#include "control/config/config.h"
#include "control/plan/plan.h"

namespace evenkeel {

// Not set: it can prove something. `plan` was made with the lowest rates of the last hour.
std::optional<Refusal> WhyNotAutoConfirm(const Plan& plan, bool has_overrides,
                                         absl::Duration confirm_within);

// A backend that gets more of a service than before.
struct GainingBackend {
  std::string service;
  std::string backend;  // "POOL/BACKEND"
  uint64_t service_id = 0;
  uint64_t backend_id = 0;
  bool is_udp = false;
  std::optional<uint32_t> capacity;  // new flows a second, of all its services
};
std::vector<GainingBackend> GainingBackends(const Config& base, const Config& trial);

// Since the trial, or the stage of a canary, began.
struct GainEvidence {
  std::string name;  // "POOL/BACKEND for SERVICE"
  uint64_t backend_id = 0;
  uint64_t new_flows = 0;
  std::optional<double> per_flow;  // packets after a new flow; not set: UDP
  std::optional<double> others;    // the median of those that gain nothing; not set: none
  std::optional<double> load;      // of its capacity
};
struct AutoEvidence {
  absl::Duration since;
  std::vector<GainEvidence> gains;
  bool paths_answer = false;
  std::string alarm;  // one that is held; empty: none
};

struct AutoVerdict {
  bool confirms = false;
  std::string why;  // the evidence; or what is still missing
};
AutoVerdict JudgeAutoConfirm(const AutoEvidence& evidence);

// Whether a canary gets its next stage: after at least ten seconds (two rounds of asking, a failed
// check), once every backend that gains has had the flows that tell a fault, of whichever of its
// services, they are followed up no worse than those of the others, every changed way answers, and
// no alarm is held.
AutoVerdict JudgeStage(const AutoEvidence& evidence);

}  // namespace evenkeel

#endif  // CONTROL_ROLLBACK_AUTO_CONFIRM_H_
