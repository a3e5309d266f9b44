// How a probe gets to its backend: straight to its address, or through the tunnel to a VIP on it.
#ifndef CONTROL_HEALTH_WAY_H_
#define CONTROL_HEALTH_WAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "control/config/address.h"
#include "control/health/echo_socket.h"

namespace evenkeel {

// Belongs to one check; outlives its probes.
class Way {
 public:
  virtual ~Way() = default;

  // To connect to.
  virtual const IpAddress& destination() const = 0;
  // Readies a TCP or UDP socket (`protocol`: IPPROTO_*) before it connects.
  virtual absl::Status Prepare(int socket, int protocol) = 0;
  // Sends an ICMP echo request; its answer comes to the engine's echo socket with `ticket`.
  virtual absl::Status SendEcho(uint64_t ticket) = 0;
  // "" or " (ipip to 10.0.1.11)": ends the name of the destination in messages.
  virtual std::string Suffix() const = 0;
};

// Fails with what the kernel says of `source`, if it cannot be bound to.
absl::Status BindTo(int socket, const IpAddress& source);

// What SendEcho() says where this node has no socket for pings.
absl::Status NoPings();

class DirectWay : public Way {
 public:
  // Without `echo` (null) there are no pings.
  DirectWay(const IpAddress& destination, const std::optional<IpAddress>& source, EchoSocket* echo)
      : destination_(destination), source_(source), echo_(echo) {}

  const IpAddress& destination() const override { return destination_; }
  absl::Status Prepare(int socket, int protocol) override;
  absl::Status SendEcho(uint64_t ticket) override;
  std::string Suffix() const override { return ""; }

 private:
  const IpAddress destination_;
  const std::optional<IpAddress> source_;
  EchoSocket* const echo_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_WAY_H_
