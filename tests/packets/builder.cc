#include "tests/packets/builder.h"

namespace evenkeel::packets {
namespace {

void Patch16(Bytes& bytes, size_t offset, uint16_t value) {
  bytes[offset] = static_cast<uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(value);
}

Bytes Ipv4(const IpSpec& spec, const Bytes& payload) {
  Bytes packet;
  const size_t header_bytes = 20 + spec.options.size();
  Put8(packet,
       spec.version.value_or(4) << 4 | spec.header_words.value_or(uint8_t(header_bytes / 4)));
  Put8(packet, spec.tos);
  Put16(packet, spec.length.value_or(uint16_t(header_bytes + payload.size())));
  Put16(packet, spec.identification);
  Put16(packet, spec.flags_offset);
  Put8(packet, spec.ttl);
  Put8(packet, spec.protocol);
  Put16(packet, 0);
  PutAddress(packet, spec.source);
  PutAddress(packet, spec.destination);
  Put(packet, spec.options);
  Patch16(packet, 10, InternetChecksum(packet));
  Put(packet, payload);
  return packet;
}

Bytes Ipv6(const IpSpec& spec, const Bytes& payload) {
  Bytes packet;
  Put32(packet,
        uint32_t{spec.version.value_or(6)} << 28 | uint32_t{spec.tos} << 20 | spec.flow_label);
  Put16(packet, spec.length.value_or(uint16_t(payload.size())));
  Put8(packet, spec.protocol);
  Put8(packet, spec.ttl);
  PutAddress(packet, spec.source);
  PutAddress(packet, spec.destination);
  Put(packet, payload);
  return packet;
}

}  // namespace

Bytes Tcp(const TransportSpec& spec) {
  Bytes segment;
  Put16(segment, spec.source_port);
  Put16(segment, spec.destination_port);
  Put32(segment, spec.sequence);
  Put32(segment, 0x05060708);
  Put8(segment, spec.data_offset.value_or(5) << 4);
  Put8(segment, spec.flags);
  Put16(segment, 0xfaf0);
  Put32(segment, 0);
  Put(segment, spec.payload);
  Patch16(segment, 16, TransportChecksum(spec.source, spec.destination, kTcp, segment));
  return segment;
}

Bytes Udp(const TransportSpec& spec) {
  Bytes datagram;
  Put16(datagram, spec.source_port);
  Put16(datagram, spec.destination_port);
  Put16(datagram, spec.length.value_or(uint16_t(8 + spec.payload.size())));
  Put16(datagram, 0);
  Put(datagram, spec.payload);
  Patch16(datagram, 6, TransportChecksum(spec.source, spec.destination, kUdp, datagram));
  return datagram;
}

Bytes Icmp(const IcmpSpec& spec) {
  Bytes message;
  Put8(message, spec.type);
  Put8(message, spec.code);
  Put16(message, 0);
  Put32(message, spec.rest);
  Put(message, spec.body);
  const uint16_t checksum =
      IsIpv4(spec.source) ? InternetChecksum(message)
                          : TransportChecksum(spec.source, spec.destination, kIcmpv6, message);
  Patch16(message, 2, checksum);
  return message;
}

Bytes Ip(const IpSpec& spec, const Bytes& payload) {
  return IsIpv4(spec.source) ? Ipv4(spec, payload) : Ipv6(spec, payload);
}

Bytes Extension(uint8_t next_header, const Bytes& body) {
  Bytes header;
  Put8(header, next_header);
  Put8(header, static_cast<uint32_t>((body.size() + 2) / 8 - 1));
  Put(header, body);
  return header;
}

Bytes FragmentHeader(uint8_t next_header, uint16_t offset_and_more) {
  Bytes header;
  Put8(header, next_header);
  Put8(header, 0);
  Put16(header, offset_and_more);
  Put32(header, 0xdecade00);
  return header;
}

Bytes AuthenticationHeader(uint8_t next_header, size_t icv_bytes) {
  Bytes header;
  Put8(header, next_header);
  Put8(header, static_cast<uint32_t>((12 + icv_bytes) / 4 - 2));
  Put16(header, 0);
  Put32(header, 0x1001);
  Put32(header, 1);
  Put(header, Counting(icv_bytes));
  return header;
}

Bytes RoutingHeader(uint8_t next_header, uint8_t type, uint8_t segments_left) {
  return Extension(next_header, {type, segments_left, 0, 0, 0, 0});
}

Bytes Ethernet(const EthernetSpec& spec, const Bytes& packet) {
  Bytes frame;
  PutMac(frame, spec.destination);
  PutMac(frame, spec.source);
  for (const Tag& tag : spec.tags) {
    Put16(frame, tag.type);
    Put16(frame, tag.tci);
  }
  const bool ipv6 = !packet.empty() && packet[0] >> 4 == 6;
  Put16(frame, spec.type.value_or(ipv6 ? kTypeIpv6 : kTypeIpv4));
  Put(frame, packet);
  frame.resize(frame.size() + spec.padding, 0xa5);
  return frame;
}

}  // namespace evenkeel::packets
