#include "tools/packet_lab/responder/udp_answers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace evenkeel::lab {
namespace {

union AnyAddress {
  sockaddr generic;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

AnyAddress Wildcard(int family, uint16_t port) {
  AnyAddress address = {};
  address.generic.sa_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    address.ipv4.sin_port = htons(port);
  } else {
    address.ipv6.sin6_port = htons(port);
  }
  return address;
}

std::string AnswerLine(const std::string& name, const AnyAddress& client) {
  char text[INET6_ADDRSTRLEN];
  if (client.generic.sa_family == AF_INET) {
    inet_ntop(AF_INET, &client.ipv4.sin_addr, text, sizeof text);
    return absl::StrCat(name, " ", text, " ", ntohs(client.ipv4.sin_port), "\n");
  }
  inet_ntop(AF_INET6, &client.ipv6.sin6_addr, text, sizeof text);
  return absl::StrCat(name, " ", text, " ", ntohs(client.ipv6.sin6_port), "\n");
}

// Turns the received "sent to this address, came in by this interface" into "send from this
// address": the interface is left to the routing table.
void AnswerFromSameAddress(msghdr* message) {
  for (cmsghdr* item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      info.ipi_ifindex = 0;
      info.ipi_spec_dst = info.ipi_addr;
      std::memcpy(CMSG_DATA(item), &info, sizeof info);
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(item), &info, sizeof info);
    }
  }
}

}  // namespace

absl::StatusOr<int> OpenUdpSocket(int family, uint16_t port) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int buffer_bytes = 4 << 20;
  const AnyAddress address = Wildcard(family, port);
  const bool is_ipv4 = family == AF_INET;
  const bool ready =
      fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes) == 0 &&
      (is_ipv4 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
      setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_PKTINFO : IPV6_RECVPKTINFO,
                 &on, sizeof on) == 0 &&
      bind(fd, &address.generic, is_ipv4 ? sizeof address.ipv4 : sizeof address.ipv6) == 0;
  if (!ready) {
    return absl::InternalError(
        absl::StrCat("UDP port ", port, is_ipv4 ? " (IPv4): " : " (IPv6): ", strerror(errno)));
  }
  return fd;
}

void AnswerDatagrams(int socket, const std::string& name) {
  char datagram[65536];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))];
  while (true) {
    AnyAddress client;
    iovec data = {datagram, sizeof datagram};
    msghdr message = {};
    message.msg_name = &client;
    message.msg_namelen = sizeof client;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(socket, &message, 0) < 0) continue;

    AnswerFromSameAddress(&message);
    std::string answer = AnswerLine(name, client);
    data = {answer.data(), answer.size()};
    // A client that has gone is no trouble of ours.
    (void)sendmsg(socket, &message, 0);
  }
}

}  // namespace evenkeel::lab
