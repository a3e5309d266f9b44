// A TUN device of our own, and the way into it: IP packets of sockets that bear a mark go there by
// a rule and a routing table, whatever their destination.
//
//   absl::StatusOr<TunDevice> device = TunDevice::Open({});
//   setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)); ...
//   read(device->fd(), packet, size)   // a whole IP packet, checksums done
#ifndef CONTROL_HEALTH_TUN_DEVICE_H_
#define CONTROL_HEALTH_TUN_DEVICE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "control/config/address.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class TunDevice {
 public:
  struct Options {
    std::string name = "evk-health";
    uint32_t mark = 0x45564b;   // "EVK"; of packets that go in
    uint32_t table = 0x45564b;  // routing table
    uint32_t priority = 600;    // of the rule, in both families
    int mtu = 1400;             // room for an outer header on a segment of 1500
  };

  // PermissionDenied without CAP_NET_ADMIN. In the network namespace of the calling thread. Takes
  // over the rules that an earlier process left.
  static absl::StatusOr<TunDevice> Open(const Options& options);

  TunDevice(TunDevice&&) = default;
  TunDevice& operator=(TunDevice&&) = delete;
  // The device goes with its descriptor, its routes with it; the rules are removed.
  ~TunDevice();

  int fd() const { return device_.get(); }
  uint32_t mark() const { return options_.mark; }
  // Why packets of a family cannot go in, where the kernel lacks it; OK where they can.
  const absl::Status& routed(Family family) const { return routed_.at(family); }

 private:
  TunDevice(UniqueFd device, Options options)
      : device_(std::move(device)), options_(std::move(options)) {}

  absl::Status Route(Family family);

  UniqueFd device_;
  Options options_;
  std::map<Family, absl::Status> routed_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TUN_DEVICE_H_
