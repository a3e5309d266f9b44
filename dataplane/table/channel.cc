#include "dataplane/table/channel.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr size_t kDescriptorsMax = 253;  // SCM_MAX_FD

struct alignas(cmsghdr) ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
};

void TakeDescriptors(msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

absl::Status SendMessage(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (fds.size() > kDescriptorsMax) {
    return absl::InvalidArgumentError(absl::StrCat("channel: ", fds.size(), " descriptors"));
  }
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  ControlBuffer control{};
  if (!fds.empty()) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  for (;;) {
    if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return absl::OkStatus();
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS) return absl::UnavailableError("channel: full");
    return absl::AbortedError(absl::StrCat("channel: sending failed: ", std::strerror(errno)));
  }
}

absl::Status ReceiveMessage(int socket, Message* message) {
  message->size = 0;
  message->fds.clear();
  iovec vector{message->bytes, sizeof(message->bytes)};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);
  ssize_t size;
  do {
    size = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return absl::UnavailableError("channel: empty");
  if (size < 0) {
    return absl::AbortedError(absl::StrCat("channel: receiving failed: ", std::strerror(errno)));
  }
  TakeDescriptors(header, message->fds);  // first of all, so that none leaks
  if (size == 0) return absl::AbortedError("the peer has closed the connection");
  message->size = static_cast<size_t>(size);
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    return absl::AbortedError(
        "channel: descriptors were lost; is the limit on open files too low?");
  }
  if ((header.msg_flags & MSG_TRUNC) != 0 || message->size < sizeof(MessageHeader) ||
      message->header().magic != kChannelMagic || message->header().size != message->size) {
    return absl::AbortedError("channel: the peer does not speak this protocol");
  }
  if (message->header().version != kChannelVersion) {
    return absl::AbortedError(absl::StrCat("channel: the peer speaks version ",
                                           message->header().version, " of the protocol, not ",
                                           kChannelVersion));
  }
  return absl::OkStatus();
}

absl::StatusOr<SocketAddress> UnixAddress(absl::string_view path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("socket path '", path, "' must have 1 to ",
                                                   sizeof(address.sun_path) - 1, " characters"));
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  SocketAddress result{};
  static_assert(sizeof(address) <= sizeof(result.bytes));
  std::memcpy(result.bytes, &address, sizeof(address));
  result.size = sizeof(address);
  return result;
}

}  // namespace evenkeel
