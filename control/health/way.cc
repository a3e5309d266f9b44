#include "control/health/way.h"

#include <netinet/in.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "control/health/socket.h"

namespace evenkeel {

absl::Status BindTo(int socket, const IpAddress& source) {
  const SocketAddress address(source, 0);
  if (bind(socket, address.get(), address.size) == 0) return absl::OkStatus();
  const int error = errno;
  return absl::Status(
      absl::ErrnoToStatusCode(error),
      absl::StrCat("cannot check from ", source.ToString(), ": ", ErrnoText(error),
                   error == EADDRNOTAVAIL ? " (is it an address of this node?)" : ""));
}

absl::Status NoPings() {
  return absl::FailedPreconditionError("this node has no socket for pings");
}

absl::Status DirectWay::Prepare(int socket, int) {
  return source_ ? BindTo(socket, *source_) : absl::OkStatus();
}

absl::Status DirectWay::SendEcho(uint64_t ticket) {
  if (echo_ == nullptr) return NoPings();
  return echo_->Send(destination_, source_, ticket);
}

}  // namespace evenkeel
