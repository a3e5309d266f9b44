#include "control/sample/sample_packet.h"

#include <algorithm>
#include <cstring>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/wire.h"

namespace evenkeel {
namespace {

constexpr size_t kIpBytesMax = 65535;

uint16_t Net16(size_t value) { return LB_NET16(static_cast<uint16_t>(value)); }

size_t WriteIpv4(const lb_sample& sample, size_t length, uint8_t* at) {
  lb_ipv4 header{};
  header.version_ihl = 0x45;
  header.total_length = Net16(length);
  if ((sample.flags & LB_FLOW_DONT_FRAGMENT) != 0) header.flags_offset = LB_IPV4_DONT_FRAGMENT;
  header.ttl = sample.ttl;
  header.protocol = sample.protocol;
  std::memcpy(&header.source, sample.source + 12, sizeof(header.source));
  std::memcpy(&header.destination, sample.destination + 12, sizeof(header.destination));
  std::memcpy(at, &header, sizeof(header));
  return sizeof(header);
}

size_t WriteIpv6(const lb_sample& sample, size_t length, uint8_t* at) {
  lb_ipv6 header{};
  header.version_class_label = LB_NET32(0x60000000u);
  header.payload_length = Net16(length - sizeof(header));
  header.next_header = sample.protocol;
  header.hop_limit = sample.ttl;
  std::memcpy(header.source, sample.source, sizeof(header.source));
  std::memcpy(header.destination, sample.destination, sizeof(header.destination));
  std::memcpy(at, &header, sizeof(header));
  return sizeof(header);
}

void WriteTcp(const lb_sample& sample, uint8_t* at) {
  lb_tcp header{};
  header.source_port = sample.source_port;
  header.destination_port = sample.destination_port;
  header.data_offset = sizeof(header) / 4 << 4;
  header.flags = sample.tcp_flags;
  std::memcpy(at, &header, sizeof(header));
}

void WriteUdp(const lb_sample& sample, size_t length, uint8_t* at) {
  lb_udp header{};
  header.source_port = sample.source_port;
  header.destination_port = sample.destination_port;
  header.length = Net16(length);
  std::memcpy(at, &header, sizeof(header));
  // A long header of QUIC version 1 and type Initial, or the first bytes of nothing of the kind.
  const bool is_initial = (sample.flags & LB_FLOW_NEW) != 0;
  const uint8_t first[5] = {static_cast<uint8_t>(is_initial ? 0xc0 : 0), 0, 0, 0, 1};
  if (length >= sizeof(header) + sizeof(first)) {
    std::memcpy(at + sizeof(header), first, sizeof(first));
  }
}

}  // namespace

// Room for the headers of a record that states too short a length.
SamplePacket::SamplePacket() : bytes_(sizeof(lb_ethernet) + kIpBytesMax + sizeof(lb_tcp)) {}

void SamplePacket::Become(const lb_sample& sample) {
  const bool ipv4 = sample.family == LB_IPV4;
  const bool tcp = sample.protocol == LB_PROTOCOL_TCP;
  const size_t headers =
      (ipv4 ? sizeof(lb_ipv4) : sizeof(lb_ipv6)) + (tcp ? sizeof(lb_tcp) : sizeof(lb_udp));
  const size_t length = std::max<size_t>(sample.ip_length, headers);
  lb_ethernet ethernet{};
  ethernet.type = ipv4 ? LB_ETHERTYPE_IPV4 : LB_ETHERTYPE_IPV6;
  uint8_t* at = bytes_.data();
  std::memcpy(at, &ethernet, sizeof(ethernet));
  at += sizeof(ethernet);
  const size_t ip = ipv4 ? WriteIpv4(sample, length, at) : WriteIpv6(sample, length, at);
  if (tcp) {
    WriteTcp(sample, at + ip);
  } else {
    WriteUdp(sample, length - ip, at + ip);
  }
  size_ = sizeof(ethernet) + length;
}

}  // namespace evenkeel
