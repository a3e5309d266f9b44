#include "control/health/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

bool IsOurs(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAGAIN:  // of connect(): no local port is free
    case EPERM:
    case EACCES:
    case EINVAL:
    case EAFNOSUPPORT:
      return true;
    default:
      return false;
  }
}

}  // namespace

SocketAddress::SocketAddress(const IpAddress& address, uint16_t port) {
  if (address.is_ipv4()) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    std::memcpy(&ipv4.sin_addr, &address.bytes()[12], 4);
    std::memcpy(&storage, &ipv4, size = sizeof(ipv4));
    return;
  }
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  std::memcpy(&ipv6.sin6_addr, address.bytes().data(), 16);
  std::memcpy(&storage, &ipv6, size = sizeof(ipv6));
}

IpAddress AddressOf(const sockaddr_storage& from) {
  IpAddress::Bytes bytes{};
  if (from.ss_family == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(&bytes[12], &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
  } else {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
  }
  return IpAddress(bytes);
}

std::string HostPort(const IpAddress& address, uint16_t port) {
  return address.is_ipv4() ? absl::StrCat(address.ToString(), ":", port)
                           : absl::StrCat("[", address.ToString(), "]:", port);
}

std::string ErrnoText(int error) {
  char buffer[128];
  return absl::AsciiStrToLower(strerror_r(error, buffer, sizeof(buffer)));
}

Opening OpenTowards(Way& way, int type, uint16_t port, absl::FunctionRef<std::string()> what) {
  const IpAddress& destination = way.destination();
  const SocketAddress address(destination, port);
  UniqueFd fd(
      socket(destination.is_ipv4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    const int error = errno;
    return {UniqueFd(), OutcomeOf(error, what())};
  }
  if (type == SOCK_STREAM) {
    // The end is a reset: no connection waits in TIME_WAIT, here or there.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  if (absl::Status s = way.Prepare(fd.get(), type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
      !s.ok()) {
    return {UniqueFd(), ProbeOutcome::Undecided(absl::StrCat(what(), ": ", s.message()))};
  }
  if (connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    return {UniqueFd(), OutcomeOf(error, what())};
  }
  return {std::move(fd), std::nullopt};
}

int TakeError(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

ProbeOutcome OutcomeOf(int error, absl::string_view what) {
  std::string sentence = absl::StrCat(what, ": ", ErrnoText(error));
  if (IsOurs(error)) return ProbeOutcome::Undecided(std::move(sentence));
  const bool answered =
      error == ECONNREFUSED || error == ECONNRESET || error == EPIPE || error == ENOPROTOOPT;
  return answered ? ProbeOutcome::Failed(std::move(sentence))
                  : ProbeOutcome::Unanswered(std::move(sentence));
}

}  // namespace evenkeel
