// What the operator asks evenkeeld about, as the messages that the CLI prints.
//
// Translation only: from the running revision and the planes' counters to the names of the public
// interface. Any thread.
#ifndef CONTROL_API_REPORTS_H_
#define CONTROL_API_REPORTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"

namespace evenkeel {

namespace v1 {
class BackendsReply;
class DropsReply;
class Error;
class ExplainReply;
class ExplainRequest;
class ServicesReply;
class StatusReply;
class VersionReply;
}  // namespace v1

// up | suspect | down | draining.
const char* StateName(const Backend& backend, const BackendStanding& standing);

void FillStatus(const Pipeline& pipeline, const TrafficNow& traffic, v1::StatusReply* reply);
void FillServices(const RunningPtr& running, const TrafficNow& traffic, v1::ServicesReply* reply);
void FillBackends(const Pipeline& pipeline, const TrafficNow& traffic, v1::BackendsReply* reply);
void FillDrops(const TrafficNow& traffic, v1::DropsReply* reply);
void FillExplain(const RunningPtr& running, const v1::ExplainRequest& request,
                 v1::ExplainReply* reply);
void FillVersion(v1::VersionReply* reply);

void FillError(absl::string_view code, absl::string_view message, absl::string_view hint,
               v1::Error* error);

}  // namespace evenkeel

#endif  // CONTROL_API_REPORTS_H_
