#include "control/health/inner_packet.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/health/socket.h"
#include "dataplane/forward/wire.h"

namespace evenkeel {
namespace {

size_t WriteEcho4(const IpAddress& source, const IpAddress& destination, EchoMessage message,
                  uint8_t* packet) {
  const uint16_t checksum = FinishChecksum(ChecksumOver(message, 0));
  std::memcpy(&message[2], &checksum, sizeof(checksum));
  lb_ipv4 ip{};
  ip.version_ihl = 0x45;
  ip.total_length = LB_NET16(sizeof(ip) + kEchoLength);
  ip.flags_offset = LB_IPV4_DONT_FRAGMENT;
  ip.ttl = kInnerTtl;
  ip.protocol = LB_PROTOCOL_ICMP;
  std::memcpy(&ip.source, &source.bytes()[12], 4);
  std::memcpy(&ip.destination, &destination.bytes()[12], 4);
  ip.checksum = FinishChecksum(
      ChecksumOver(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(&ip), sizeof(ip)), 0));
  std::memcpy(packet, &ip, sizeof(ip));
  std::copy(message.begin(), message.end(), packet + sizeof(ip));
  return sizeof(ip) + kEchoLength;
}

size_t WriteEcho6(const IpAddress& source, const IpAddress& destination, EchoMessage message,
                  uint8_t* packet) {
  // The pseudo-header (RFC 8200, section 8.1): addresses, length, next header.
  uint32_t sum = ChecksumOver(source.bytes(), 0);
  sum = ChecksumOver(destination.bytes(), sum);
  sum += LB_NET16(kEchoLength) + LB_NET16(LB_PROTOCOL_ICMPV6);
  const uint16_t checksum = FinishChecksum(ChecksumOver(message, sum));
  std::memcpy(&message[2], &checksum, sizeof(checksum));
  lb_ipv6 ip{};
  ip.version_class_label = LB_NET32(0x60000000u);
  ip.payload_length = LB_NET16(kEchoLength);
  ip.next_header = LB_PROTOCOL_ICMPV6;
  ip.hop_limit = kInnerTtl;
  std::memcpy(ip.source, source.bytes().data(), 16);
  std::memcpy(ip.destination, destination.bytes().data(), 16);
  std::memcpy(packet, &ip, sizeof(ip));
  std::copy(message.begin(), message.end(), packet + sizeof(ip));
  return sizeof(ip) + kEchoLength;
}

}  // namespace

std::optional<InnerFlow> FlowOf(absl::Span<const uint8_t> packet) {
  if (packet.empty()) return std::nullopt;
  InnerFlow flow{.ipv4 = packet[0] >> 4 == 4};
  const size_t header = flow.ipv4 ? (packet[0] & 0xfu) * 4u : sizeof(lb_ipv6);
  if (header < sizeof(lb_ipv4) || packet.size() < header + 2) return std::nullopt;
  if (!flow.ipv4 && packet[0] >> 4 != 6) return std::nullopt;
  flow.protocol = flow.ipv4 ? packet[9] : packet[6];
  if (flow.protocol != IPPROTO_TCP && flow.protocol != IPPROTO_UDP) return std::nullopt;
  flow.source_port = static_cast<uint16_t>(packet[header] << 8 | packet[header + 1]);
  return flow;
}

size_t WriteInnerEcho(const IpAddress& source, const IpAddress& destination, EchoMessage message,
                      absl::Span<uint8_t> packet) {
  return destination.is_ipv4() ? WriteEcho4(source, destination, message, packet.data())
                               : WriteEcho6(source, destination, message, packet.data());
}

absl::StatusOr<IpAddress> LocalAddressTowards(const IpAddress& destination) {
  const auto failed = [&](int error) {
    return absl::Status(absl::ErrnoToStatusCode(error),
                        absl::StrCat("this node has no address to reach ", destination.ToString(),
                                     " from: ", ErrnoText(error)));
  };
  const UniqueFd fd(
      socket(destination.is_ipv4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed(errno);
  SocketAddress address(destination, 9);  // nothing is sent
  if (connect(fd.get(), address.get(), address.size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return failed(errno);
  }
  return AddressOf(address.storage);
}

}  // namespace evenkeel
