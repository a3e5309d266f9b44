#include "dataplane/neighbour/netlink.h"

#include <sys/socket.h>

#include <cerrno>

namespace evenkeel {

absl::StatusOr<Netlink> Netlink::Open(unsigned group) {
  UniqueFd socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket_fd.valid()) return absl::ErrnoToStatus(errno, "netlink socket");
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = group != 0 ? 1u << (group - 1) : 0;
  if (bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof(self)) != 0) {
    return absl::ErrnoToStatus(errno, "netlink socket");
  }
  return Netlink(std::move(socket_fd));
}

absl::Status Netlink::Send(std::span<const std::byte> request) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = sendto(socket_.get(), request.data(), request.size(), 0,
                              reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  if (sent < 0) return absl::ErrnoToStatus(errno, "netlink request");
  return absl::OkStatus();
}

absl::Status Netlink::Receive(const std::function<void(const nlmsghdr&)>& take) {
  for (;;) {
    const ssize_t received = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return absl::OkStatus();
    if (received < 0 && errno == ENOBUFS) return absl::DataLossError("the kernel lost messages");
    if (received < 0) return absl::ErrnoToStatus(errno, "netlink socket");
    int left = static_cast<int>(received);
    for (const nlmsghdr* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      take(*message);
    }
  }
}

}  // namespace evenkeel
