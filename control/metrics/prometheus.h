// The planes' counters and the running revision as Prometheus' text format, and the node's digests.
//
// Pure; called by the HTTP server's threads.
#ifndef CONTROL_METRICS_PROMETHEUS_H_
#define CONTROL_METRICS_PROMETHEUS_H_

#include <string>

#include "control/metrics/traffic.h"
#include "control/pipeline.h"

namespace evenkeel {

// `GET /metrics`. The labels of `evenkeel_generation`: intended is what the running
// revision was published as, published what was sent last, plane what the plane says.
std::string MetricsText(const Pipeline& pipeline, const TrafficNow& traffic);

// `GET /digest`: what this node runs, for whoever compares nodes. One JSON object.
std::string DigestJson(const Pipeline& pipeline);

}  // namespace evenkeel

#endif  // CONTROL_METRICS_PROMETHEUS_H_
