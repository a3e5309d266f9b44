#include "control/health/echo_socket.h"

#include <netinet/in.h>
// After the C library's own: where both define a type, the first one wins.
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

constexpr size_t kTicketAt = 8;
constexpr size_t kSecretAt = 16;
constexpr int kReceiveBuffer = 1 << 20;  // bytes: the answers of thousands of pings at once

absl::StatusOr<UniqueFd> OpenRaw(int family, int protocol) {
  UniqueFd fd(socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) {
    const int error = errno;
    return absl::Status(absl::ErrnoToStatusCode(error),
                        absl::StrCat("cannot open a socket for pings: ", ErrnoText(error),
                                     error == EPERM ? " (needs CAP_NET_RAW)" : ""));
  }
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  return fd;
}

// The kernel drops what is no echo reply before it is copied here.
void KeepOnlyReplies(int ipv4, int ipv6) {
  icmp_filter filter4{.data = ~(1u << ICMP_ECHOREPLY)};
  setsockopt(ipv4, SOL_RAW, ICMP_FILTER, &filter4, sizeof(filter4));
  icmp6_filter filter6;
  ICMP6_FILTER_SETBLOCKALL(&filter6);
  ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
  setsockopt(ipv6, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6));
}

// The source as a control message; the socket serves many.
size_t WriteSource(const IpAddress& source, cmsghdr* control) {
  if (source.is_ipv4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &source.bytes()[12], 4);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(control), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, source.bytes().data(), 16);
  control->cmsg_level = IPPROTO_IPV6;
  control->cmsg_type = IPV6_PKTINFO;
  control->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(control), &info, sizeof(info));
  return CMSG_SPACE(sizeof(info));
}

}  // namespace

absl::StatusOr<EchoSocket> EchoSocket::Open() {
  absl::StatusOr<UniqueFd> ipv4 = OpenRaw(AF_INET, IPPROTO_ICMP);
  if (!ipv4.ok()) return ipv4.status();
  absl::StatusOr<UniqueFd> ipv6 = OpenRaw(AF_INET6, IPPROTO_ICMPV6);
  if (!ipv6.ok()) return ipv6.status();
  KeepOnlyReplies(ipv4->get(), ipv6->get());
  uint64_t secret = 0;
  if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) {
    return absl::ErrnoToStatus(errno, "getrandom");
  }
  return EchoSocket(*std::move(ipv4), *std::move(ipv6), secret);
}

EchoMessage EchoSocket::Message(Family family, uint64_t ticket) const {
  EchoMessage message{};
  message[0] = family == Family::kIpv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  // Identifier and sequence, for those who look at the wire; a NAT in between may change the first.
  std::memcpy(&message[4], &secret_, 2);
  std::memcpy(&message[6], &ticket, 2);
  std::memcpy(&message[kTicketAt], &ticket, sizeof(ticket));
  std::memcpy(&message[kSecretAt], &secret_, sizeof(secret_));
  return message;
}

absl::Status EchoSocket::Send(const IpAddress& to, const std::optional<IpAddress>& source,
                              uint64_t ticket) {
  EchoMessage message = Message(to.family(), ticket);
  if (to.is_ipv4()) {  // the kernel writes that of ICMPv6
    const uint16_t checksum = FinishChecksum(ChecksumOver(message, 0));
    std::memcpy(&message[2], &checksum, sizeof(checksum));
  }
  SocketAddress address(to, 0);
  iovec part{.iov_base = message.data(), .iov_len = message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))]{};
  msghdr header{
      .msg_name = &address.storage, .msg_namelen = address.size, .msg_iov = &part, .msg_iovlen = 1};
  if (source) {
    header.msg_control = control;
    header.msg_controllen = WriteSource(*source, reinterpret_cast<cmsghdr*>(control));
  }
  if (sendmsg(fd(to.family()), &header, 0) >= 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, ErrnoText(errno));
}

std::optional<uint64_t> EchoSocket::TicketOf(Family family,
                                             absl::Span<const uint8_t> packet) const {
  if (family == Family::kIpv4) {  // a raw IPv4 socket hands over the IP header too
    const size_t header = packet.empty() ? 0 : (packet[0] & 0xfu) * 4u;
    if (packet.size() < header) return std::nullopt;
    packet.remove_prefix(header);
  }
  const uint8_t reply = family == Family::kIpv4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  if (packet.size() < kEchoLength || packet[0] != reply) return std::nullopt;
  uint64_t secret, ticket;
  std::memcpy(&secret, &packet[kSecretAt], sizeof(secret));
  std::memcpy(&ticket, &packet[kTicketAt], sizeof(ticket));
  return secret == secret_ ? std::optional(ticket) : std::nullopt;
}

void EchoSocket::Receive(Family family, int count_max,
                         const std::function<void(uint64_t, const IpAddress&)>& take) {
  for (int i = 0; i < count_max; ++i) {
    uint8_t packet[512];
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t length =
        recvfrom(fd(family), packet, sizeof(packet), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 0) return;
    const auto ticket = TicketOf(family, absl::MakeConstSpan(packet, static_cast<size_t>(length)));
    if (ticket) take(*ticket, AddressOf(from));
  }
}

uint32_t ChecksumOver(absl::Span<const uint8_t> bytes, uint32_t sum) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += bytes[i] | bytes[i + 1] << 8;
  if (bytes.size() % 2 != 0) sum += bytes.back();
  return sum;
}

uint16_t FinishChecksum(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~((sum & 0xffff) + (sum >> 16)));
}

}  // namespace evenkeel
