#include "control/publish/make_sink.h"

#include "absl/strings/str_cat.h"
#include "control/publish/dpdk_sink.h"
#include "control/publish/xdp_sink.h"

namespace evenkeel {

absl::StatusOr<std::unique_ptr<PlaneSink>> MakeSink(const SinkOptions& options) {
  if (options.plane == "dpdk") return std::make_unique<DpdkSink>(options.dataplane_socket);
  return XdpSink::Create(
      {.interface = options.interface,
       .mode = options.xdp_mode == "generic" ? XdpMode::kGeneric : XdpMode::kNative});
}

}  // namespace evenkeel
