// Non-blocking sockets of either family, for the probes.
#ifndef CONTROL_HEALTH_SOCKET_H_
#define CONTROL_HEALTH_SOCKET_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "control/config/address.h"
#include "control/health/probe.h"
#include "control/health/way.h"
#include "dataplane/table/region.h"

namespace evenkeel {

struct SocketAddress {
  SocketAddress(const IpAddress& address, uint16_t port);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size = 0;
};

IpAddress AddressOf(const sockaddr_storage& address);

// 10.0.1.11:8080, [fd00::1]:8080
std::string HostPort(const IpAddress& address, uint16_t port);

// What the kernel calls `error`, in lower case: "connection refused".
std::string ErrnoText(int error);

// A connection of `type` (SOCK_STREAM, SOCK_DGRAM) by `way`, begun. The socket is invalid where
// `outcome` is set; `what` then begins the sentence.
struct Opening {
  UniqueFd socket;
  MaybeOutcome outcome;
};
Opening OpenTowards(Way& way, int type, uint16_t port, absl::FunctionRef<std::string()> what);

// The error that waits on the socket; 0 for none.
int TakeError(int socket);

// What `error` of a connection means: a refusal is an answer, silence and "unreachable" are none,
// and lack of something on this node says nothing. `what` begins the sentence.
ProbeOutcome OutcomeOf(int error, absl::string_view what);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_SOCKET_H_
