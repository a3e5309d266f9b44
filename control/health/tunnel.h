// Checks by the way of the traffic: what the kernel sends to a VIP from a marked socket comes out
// of our TUN device, gets the outer header (or, for L2 DSR, the MAC) of the backend that is
// checked, and leaves by the kernel's route to that backend. The backend answers from the VIP,
// straight to this node's own address, where the kernel finds the socket: nothing is local here but
// the source.
//
//   socket, marked ──kernel──▶ TUN ──▶ Drain() ──raw socket──▶ backend: unwraps, VIP is local
//         ▲                                                        │
//         └──────────────────── kernel ◀── from the VIP ───────────┘
//
// Backends are told apart by the source port, which each socket is bound to before it connects: all
// of them have the same VIP and port. One thread.
//
// Packets leave with a TTL of 2: a backend that forwards, instead of having the VIP, sends them on
// to the router, and thus to this balancer, which would hand them to a healthy backend; they don't
// get that far.
#ifndef CONTROL_HEALTH_TUNNEL_H_
#define CONTROL_HEALTH_TUNNEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/health/echo_socket.h"
#include "control/health/frame_hops.h"
#include "control/health/outer_header.h"
#include "control/health/tun_device.h"

namespace evenkeel {

// Where a tunnel leads.
struct TunnelEnd {
  IpAddress backend;
  Forward forward = Forward::kIpip;

  bool operator==(const TunnelEnd&) const = default;
};

class HealthTunnel {
 public:
  // `added` is called with each descriptor to watch, now and later. PermissionDenied without
  // CAP_NET_ADMIN and CAP_NET_RAW.
  static absl::StatusOr<std::unique_ptr<HealthTunnel>> Open(const TunDevice::Options& options,
                                                            std::function<void(int fd)> added);

  // How outer headers look, and which backends are reached by L2 DSR.
  void Configure(const Network& network, const std::vector<IpAddress>& l2_backends);

  // Marks and binds a socket that is about to connect to `vip`; what it sends goes to `end`.
  absl::Status Prepare(int socket, int protocol, const IpAddress& vip,
                       const std::optional<IpAddress>& source, const TunnelEnd& end);
  absl::Status SendEcho(const EchoSocket& echo, uint64_t ticket, const IpAddress& vip,
                        const std::optional<IpAddress>& source, const TunnelEnd& end);

  // When a descriptor is readable: sends on what waits, within a bound. Tick() about once a second.
  void HandleReady();
  void Drain();  // the part of it that sends
  void Tick(absl::Time now) { hops_.Tick(now); }

  // " (ipip to 10.0.1.11)", and what is known to stand in the way.
  std::string Describe(const TunnelEnd& end) const;
  // Why some packet of the last minute could not be sent, a sentence; empty if all were.
  std::string SendError(absl::Time now) const { return now < failed_until_ ? send_error_ : ""; }

 private:
  struct Source {
    absl::StatusOr<IpAddress> address;
    absl::Time until;
  };

  HealthTunnel(TunDevice device, UniqueFd raw4, UniqueFd raw6, UniqueFd frames,
               std::function<void(int fd)> added);
  absl::StatusOr<IpAddress> SourceTowards(const IpAddress& vip);
  // `packet` has OuterHeader::kRoom bytes before it.
  void Send(const TunnelEnd& end, uint32_t varying, absl::Span<uint8_t> packet);
  void Sent(ssize_t result);

  TunDevice device_;
  const UniqueFd raw4_;
  const UniqueFd raw6_;
  const UniqueFd frames_;
  const std::function<void(int fd)> added_;
  OuterHeader outer_{Network{}};
  FrameHops hops_;
  // By family, protocol and source port: who has it, or had it last.
  absl::flat_hash_map<uint32_t, TunnelEnd> ends_;
  absl::flat_hash_map<IpAddress, Source> sources_;  // by VIP
  std::string send_error_;
  absl::Time failed_until_ = absl::InfinitePast();
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TUNNEL_H_
