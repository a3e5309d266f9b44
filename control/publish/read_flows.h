// What the planes' flow tables tell, read by the running image: which tails may end, which backends
// flows still name, and how many connections each of them has.
//
//   absl::StatusOr<FlowsNow> flows = ReadFlows(sinks, *running, BootNs());
#ifndef CONTROL_PUBLISH_READ_FLOWS_H_
#define CONTROL_PUBLISH_READ_FLOWS_H_

#include <cstdint>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "control/publish/sink.h"
#include "control/transition/tail_evidence.h"
#include "dataplane/table/flow_evidence.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

struct FlowsNow {
  TailEvidence tails;
  absl::flat_hash_map<uint16_t, BackendFlows> backends;  // by index; those that have tracked flows
};

// `running` was published everywhere before this is called, at `now_ns` of CLOCK_BOOTTIME. An error
// where one of the planes cannot be read: half the evidence is none.
absl::StatusOr<FlowsNow> ReadFlows(std::span<PlaneSink* const> sinks, const ImageView& running,
                                   uint64_t now_ns);

// From what was read: each entry counted for the pool of the backend that it names.
TailEvidence TailsOf(const FlowEvidence& flows, const ImageView& running, uint64_t begun_ns);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_READ_FLOWS_H_
