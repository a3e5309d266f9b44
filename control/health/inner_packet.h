// The packets inside the tunnel: whose a packet from the TUN device is, and echo requests of our
// own.
#ifndef CONTROL_HEALTH_INNER_PACKET_H_
#define CONTROL_HEALTH_INNER_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "control/config/address.h"
#include "control/health/echo_socket.h"

namespace evenkeel {

// See tunnel.h.
inline constexpr int kInnerTtl = 2;

struct InnerFlow {
  bool ipv4 = true;
  int protocol = 0;  // IPPROTO_TCP or IPPROTO_UDP
  uint16_t source_port = 0;
};
// Nothing for other packets, fragments and packets with extension headers: no check sends such.
std::optional<InnerFlow> FlowOf(absl::Span<const uint8_t> packet);

inline constexpr size_t kInnerEchoMax = 40 + kEchoLength;
// Writes the IP packet around `message`, with checksums; its length. `packet` has kInnerEchoMax
// bytes.
size_t WriteInnerEcho(const IpAddress& source, const IpAddress& destination, EchoMessage message,
                      absl::Span<uint8_t> packet);

// What the kernel sends from to `destination`. Unavailable without a route.
absl::StatusOr<IpAddress> LocalAddressTowards(const IpAddress& destination);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_INNER_PACKET_H_
