#include "control/publish/make_sink.h"

#include "absl/strings/str_cat.h"
#include "control/publish/dpdk_sink.h"
#include "control/publish/xdp_sink.h"

namespace evenkeel {

absl::StatusOr<std::unique_ptr<PlaneSink>> MakeSink(const SinkOptions& options) {
  if (options.plane == "dpdk") return std::make_unique<DpdkSink>(options.dataplane_socket);
  XdpPlane::Options plane{
      .interface = options.interface,
      .mode = options.xdp_mode == "generic" ? XdpMode::kGeneric : XdpMode::kNative};
  if (!options.flow_tracking) plane.flows.buckets = 1;
  return XdpSink::Create(plane);
}

}  // namespace evenkeel
