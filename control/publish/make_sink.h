// The sink for the plane that the command line names.
#ifndef CONTROL_PUBLISH_MAKE_SINK_H_
#define CONTROL_PUBLISH_MAKE_SINK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/publish/sink.h"

namespace evenkeel {

struct SinkOptions {
  std::string plane;             // dpdk | xdp
  std::string dataplane_socket;  // dpdk
  std::string interface;         // xdp
  std::string xdp_mode;          // xdp: native | generic
  bool flow_tracking = true;     // xdp
};

// An error tells the operator what to do: there is no such interface, no permission, no native XDP.
absl::StatusOr<std::unique_ptr<PlaneSink>> MakeSink(const SinkOptions& options);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_MAKE_SINK_H_
