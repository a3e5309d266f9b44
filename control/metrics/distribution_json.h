// What the distribution page is fed with.
//
// Pure; called by the HTTP server's threads.
#ifndef CONTROL_METRICS_DISTRIBUTION_JSON_H_
#define CONTROL_METRICS_DISTRIBUTION_JSON_H_

#include <string>

#include "absl/time/time.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/watch/history.h"

namespace evenkeel {

// `GET /distribution.json`: {time, node, revision, state, generation, planes: [{kind, connected}],
// trial: null | {revision, base_revision, seconds_left, who, reason}, alarms: [{rule, service,
// backend, since, message}], notes: as alarms, of what is no fault, services: [{name, address,
// pool, new_flows_per_second, backends: [{name, state, expected, observed}]}], revisions: [{time,
// revision}]}
std::string DistributionJson(const Pipeline& pipeline, const TrafficNow& traffic,
                             const History& history, absl::Time now);

// `GET /history.json?service=NAME`: {service, ends: [SECONDS], backends: [{name, expected: [SHARE],
// observed: [NEW FLOWS]}]}, empty where nothing is known.
std::string HistoryJson(const History& history, const std::string& service);

}  // namespace evenkeel

#endif  // CONTROL_METRICS_DISTRIBUTION_JSON_H_
