// ICMP echo, both families: requests out, answers in. One raw socket a family serves all checks.
//
// An answer is known by what we put into the request: the ticket, and a random word that nobody
// else can know, so that foreign pings and forged answers are passed over. One thread.
#ifndef CONTROL_HEALTH_ECHO_SOCKET_H_
#define CONTROL_HEALTH_ECHO_SOCKET_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "control/config/address.h"
#include "dataplane/table/region.h"

namespace evenkeel {

// The ICMP message of a request: type, code, checksum, identifier, sequence, ticket, secret.
inline constexpr size_t kEchoLength = 24;
using EchoMessage = std::array<uint8_t, kEchoLength>;

class EchoSocket {
 public:
  // PermissionDenied without CAP_NET_RAW.
  static absl::StatusOr<EchoSocket> Open();

  // Without a checksum, which for IPv6 covers addresses too.
  EchoMessage Message(Family family, uint64_t ticket) const;

  absl::Status Send(const IpAddress& to, const std::optional<IpAddress>& source, uint64_t ticket);

  int fd(Family family) const { return (family == Family::kIpv4 ? ipv4_ : ipv6_).get(); }
  // The answers that wait, at most `count_max` of them.
  void Receive(Family family, int count_max,
               const std::function<void(uint64_t ticket, const IpAddress& from)>& take);

 private:
  EchoSocket(UniqueFd ipv4, UniqueFd ipv6, uint64_t secret)
      : ipv4_(std::move(ipv4)), ipv6_(std::move(ipv6)), secret_(secret) {}
  std::optional<uint64_t> TicketOf(Family family, absl::Span<const uint8_t> packet) const;

  UniqueFd ipv4_;
  UniqueFd ipv6_;
  uint64_t secret_ = 0;
};

// The one's complement sum of RFC 1071 over `bytes`, to be folded and complemented by
// FinishChecksum(), which gives the two bytes as they lie on the wire.
uint32_t ChecksumOver(absl::Span<const uint8_t> bytes, uint32_t sum);
uint16_t FinishChecksum(uint32_t sum);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_ECHO_SOCKET_H_
