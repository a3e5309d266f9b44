#include "control/api/question_packet.h"

#include <cstring>

#include "control/api/explain.h"
#include "dataplane/forward/wire.h"

namespace evenkeel {
namespace {

constexpr uint8_t kHopLimit = 64;

uint16_t Net16(size_t value) { return LB_NET16(static_cast<uint16_t>(value)); }

template <typename Header>
void Append(const Header& header, uint8_t* bytes, size_t* size) {
  memcpy(bytes + *size, &header, sizeof(header));
  *size += sizeof(header);
}

lb_ipv4 Ipv4Header(const FlowQuestion& question, uint8_t protocol, size_t payload) {
  lb_ipv4 header{};
  header.version_ihl = 0x45;
  header.total_length = Net16(sizeof(header) + payload);
  header.flags_offset = LB_IPV4_DONT_FRAGMENT;
  header.ttl = kHopLimit;
  header.protocol = protocol;
  memcpy(&header.source, question.from.address.bytes().data() + 12, sizeof(header.source));
  memcpy(&header.destination, question.to.address.bytes().data() + 12, sizeof(header.destination));
  return header;
}

lb_ipv6 Ipv6Header(const FlowQuestion& question, uint8_t protocol, size_t payload) {
  lb_ipv6 header{};
  header.version_class_label = LB_NET32(0x60000000u);
  header.payload_length = Net16(payload);
  header.next_header = protocol;
  header.hop_limit = kHopLimit;
  memcpy(header.source, question.from.address.bytes().data(), sizeof(header.source));
  memcpy(header.destination, question.to.address.bytes().data(), sizeof(header.destination));
  return header;
}

}  // namespace

QuestionPacket::QuestionPacket(const FlowQuestion& question) {
  const bool ipv4 = question.to.address.is_ipv4();
  const bool tcp = question.protocol == Protocol::kTcp;
  const uint8_t protocol = tcp ? LB_PROTOCOL_TCP : LB_PROTOCOL_UDP;
  const size_t payload = tcp ? sizeof(lb_tcp) : sizeof(lb_udp);

  lb_ethernet ethernet{};
  ethernet.type = ipv4 ? LB_ETHERTYPE_IPV4 : LB_ETHERTYPE_IPV6;
  Append(ethernet, bytes_.data(), &size_);
  if (ipv4) {
    Append(Ipv4Header(question, protocol, payload), bytes_.data(), &size_);
  } else {
    Append(Ipv6Header(question, protocol, payload), bytes_.data(), &size_);
  }
  if (tcp) {
    lb_tcp header{};
    header.source_port = Net16(question.from.port);
    header.destination_port = Net16(question.to.port);
    header.data_offset = sizeof(header) / 4 << 4;
    header.flags = LB_TCP_SYN;
    Append(header, bytes_.data(), &size_);
  } else {
    lb_udp header{};
    header.source_port = Net16(question.from.port);
    header.destination_port = Net16(question.to.port);
    header.length = Net16(sizeof(header));
    Append(header, bytes_.data(), &size_);
  }
}

}  // namespace evenkeel
