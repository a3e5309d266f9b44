// Frames for tests, composed from the inside out:
//
//   Bytes segment = Tcp({.source = client, .destination = vip, .source_port = 40000,
//                        .destination_port = 80, .flags = kTcpSyn});
//   Bytes frame = Ethernet({}, Ipv4({.source = client, .destination = vip}, segment));
//
// Every length and checksum is computed unless the spec states another: that is how packets lie.
#ifndef TESTS_PACKETS_BUILDER_H_
#define TESTS_PACKETS_BUILDER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/packets/bytes.h"

namespace evenkeel::packets {

inline constexpr Mac kRouterMac = {0x02, 0, 0, 0, 0, 0x01};
inline constexpr Mac kBalancerMac = {0x02, 0, 0, 0, 0, 0x10};

inline constexpr uint8_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpAck = 0x10;
inline constexpr uint8_t kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kIpv6InIp = 41, kGre = 47,
                         kIcmpv6 = 58, kNoNextHeader = 59;
inline constexpr uint16_t kTypeIpv4 = 0x0800, kTypeArp = 0x0806, kTypeVlan = 0x8100,
                          kTypeIpv6 = 0x86dd, kTypeSvlan = 0x88a8;
inline constexpr uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000;

struct TransportSpec {
  Address source{};
  Address destination{};
  uint16_t source_port = 40000;
  uint16_t destination_port = 80;
  uint8_t flags = kTcpAck;  // TCP, as the next
  uint32_t sequence = 0x01020304;
  Bytes payload;
  std::optional<uint8_t> data_offset;  // TCP, 4-byte units
  std::optional<uint16_t> length;      // UDP
};
Bytes Tcp(const TransportSpec& spec);
Bytes Udp(const TransportSpec& spec);

struct IcmpSpec {
  Address source{};
  Address destination{};
  uint8_t type = 8;
  uint8_t code = 0;
  uint32_t rest = 0x12340001;  // identifier, sequence number; or the MTU of an error
  Bytes body;
};
Bytes Icmp(const IcmpSpec& spec);  // ICMP or ICMPv6, as the addresses say

struct IpSpec {
  Address source{};
  Address destination{};
  uint8_t protocol = kTcp;  // of the payload; IPv6: of the first header behind the fixed one
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint32_t flow_label = 0;         // IPv6
  uint16_t identification = 0x77;  // IPv4, as the next
  uint16_t flags_offset = kDontFragment;
  Bytes options;  // IPv4, a multiple of 4 bytes
  std::optional<uint8_t> version;
  std::optional<uint8_t> header_words;
  std::optional<uint16_t> length;  // IPv4: total length; IPv6: payload length
};
Bytes Ip(const IpSpec& spec, const Bytes& payload);  // IPv4 or IPv6, as the addresses say

// IPv6 extension headers, 8 bytes and more: next header, length field, body.
Bytes Extension(uint8_t next_header, const Bytes& body);              // body: 8 n + 6 bytes
Bytes FragmentHeader(uint8_t next_header, uint16_t offset_and_more);  // as in the header's word
Bytes AuthenticationHeader(uint8_t next_header, size_t icv_bytes);    // icv_bytes: 4 n
Bytes RoutingHeader(uint8_t next_header, uint8_t type, uint8_t segments_left);

struct Tag {
  uint16_t type = kTypeVlan;
  uint16_t tci = 0;
};
struct EthernetSpec {
  Mac destination = kBalancerMac;
  Mac source = kRouterMac;
  std::vector<Tag> tags;
  std::optional<uint16_t> type;  // default: by the packet's version
  size_t padding = 0;            // bytes behind the packet
};
Bytes Ethernet(const EthernetSpec& spec, const Bytes& packet);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_BUILDER_H_
