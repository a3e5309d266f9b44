// What `doctor` makes of a host: each check is a fault of the catalogue that no file shows.
//
// Pure, any thread.
#ifndef TOOLS_EVENKEEL_DOCTOR_CHECKS_H_
#define TOOLS_EVENKEEL_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "control/api/evenkeel.pb.h"
#include "control/config/config.h"
#include "tools/evenkeel/host_facts.h"

namespace evenkeel::cli {

struct DoctorCheck {
  std::string rule;   // "F43"
  std::string state;  // ok | note | warning | error | skipped
  std::string message;
  std::string hint;  // what to do; empty where there is nothing
};

struct DoctorReport {
  std::vector<DoctorCheck> checks;  // in the catalogue's order

  bool ok() const;  // none is an error
};

// `running` is null where nothing runs, and then what needs it is skipped.
DoctorReport Examine(const HostFacts& host, const v1::StatusReply& status, const Config* running);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_DOCTOR_CHECKS_H_
