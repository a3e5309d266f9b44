// What an audit compares, one function a comparison; each returns what it found. Errors mean that
// what runs is not what was confirmed, or that the record of it cannot be trusted; warnings, that a
// person should look. Pure but for CheckFile(), which reads the file; any thread.
//
// Rules: `audit` (the log), F55 (what runs is not what was confirmed), F54 (the file on disk is not
// what runs), F63 (a drain or an override has ended).
#ifndef CONTROL_AUDIT_CHECKS_H_
#define CONTROL_AUDIT_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/publish/sink.h"
#include "control/store/audit_log.h"
#include "control/store/revision.h"

namespace evenkeel {

std::vector<Finding> CheckChain(const absl::StatusOr<LogCheck>& log);

// `intended` is the image that control means every plane to run, as generation `generation`.
std::vector<Finding> CheckPlane(absl::string_view kind, const PlaneState& state,
                                const absl::StatusOr<PlaneAudit>& audit, uint64_t generation,
                                const ImageView& intended);

// Of CheckPlane(): what lies in the plane's memory is not what was published; else it did not tell,
// or is behind.
bool IsOtherContent(const Finding& finding);

// `record` and `content` are those of the newest confirmed revision.
std::vector<Finding> CheckFile(const Revision& record, absl::string_view content);

// `effective` is what runs, drains joined; `record` knows the overrides that came with the call.
std::vector<Finding> CheckEnds(const Config& effective, const Revision& record, absl::Time now);

}  // namespace evenkeel

#endif  // CONTROL_AUDIT_CHECKS_H_
