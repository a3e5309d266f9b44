#include "tools/evenkeel/test_packet.h"

#include <algorithm>
#include <cstddef>

#include "dataplane/forward/wire.h"

namespace evenkeel::cli {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kIpv4Bytes = 20;
constexpr size_t kIpv6Bytes = 40;
constexpr size_t kTcpBytes = 20;
constexpr size_t kUdpBytes = 8;
constexpr uint8_t kTtl = 64;

void Put16(std::vector<uint8_t>& packet, size_t at, size_t value) {
  packet[at] = static_cast<uint8_t>(value >> 8);
  packet[at + 1] = static_cast<uint8_t>(value);
}

void PutAddress(std::vector<uint8_t>& packet, size_t at, const IpAddress& address) {
  const auto first = address.bytes().begin() + (address.is_ipv4() ? 12 : 0);
  std::copy(first, address.bytes().end(), packet.begin() + static_cast<ptrdiff_t>(at));
}

}  // namespace

std::vector<uint8_t> FirstPacket(const TestFlow& flow) {
  const bool ipv4 = flow.from.address.is_ipv4();
  const bool tcp = flow.protocol == Protocol::kTcp;
  const size_t ip_bytes = ipv4 ? kIpv4Bytes : kIpv6Bytes;
  const size_t header_bytes = ip_bytes + (tcp ? kTcpBytes : kUdpBytes);
  const size_t size = std::max<size_t>(header_bytes, flow.bytes);
  const uint8_t protocol = tcp ? LB_PROTOCOL_TCP : LB_PROTOCOL_UDP;
  std::vector<uint8_t> packet(kEthernetBytes + size, 0);

  const size_t ip = kEthernetBytes;
  if (ipv4) {
    Put16(packet, 12, 0x0800);
    packet[ip] = 0x45;
    Put16(packet, ip + 2, size);
    packet[ip + 6] = 0x40;
    packet[ip + 8] = kTtl;
    packet[ip + 9] = protocol;
    PutAddress(packet, ip + 12, flow.from.address);
    PutAddress(packet, ip + 16, flow.to.address);
  } else {
    Put16(packet, 12, 0x86dd);
    packet[ip] = 0x60;
    Put16(packet, ip + 4, size - kIpv6Bytes);
    packet[ip + 6] = protocol;
    packet[ip + 7] = kTtl;
    PutAddress(packet, ip + 8, flow.from.address);
    PutAddress(packet, ip + 24, flow.to.address);
  }
  const size_t l4 = ip + ip_bytes;
  Put16(packet, l4, flow.from.port);
  Put16(packet, l4 + 2, flow.to.port);
  if (tcp) {
    packet[l4 + 12] = (kTcpBytes / 4) << 4;
    packet[l4 + 13] = 0x02;  // SYN
  } else {
    Put16(packet, l4 + 4, size - ip_bytes);
  }
  return packet;
}

}  // namespace evenkeel::cli
