#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

const Address kVip4To6 = ParseAddress("203.0.113.11");
const Address kVip6To4 = ParseAddress("2001:db8:113::11");
// QUIC: long header, type Initial of the version, in a datagram of the size that a client must use.
Bytes QuicInitial(uint8_t first, uint32_t version, size_t length = 1200) {
  Bytes payload;
  Put8(payload, first);
  Put32(payload, version);
  Put(payload, Counting(length - payload.size()));
  return payload;
}

Case Quic(const std::string& name, const std::string& why, const Bytes& payload, bool new_flow) {
  const Conversation c{.vip_port = 443};
  return {.name = name,
          .why = why,
          .in = Ethernet({}, UdpPacket(c, {}, payload)),
          .out = Tunnelled({}, UdpPacket(c, {.ttl = 63}, payload)),
          .new_flow = new_flow};
}

}  // namespace

std::vector<Case> TunnelCases() {
  const Conversation to46{.vip = kVip4To6};
  const Conversation to64{.client = kClient6, .vip = kVip6To4};
  const Conversation dns4{.vip_port = 53};
  const Conversation dns6{.client = kClient6, .vip = kVip6, .vip_port = 53};
  std::vector<Case> cases;
  cases.push_back({.name = "ipip_tcp",
                   .why = "the ordinary packet: IPv4 to an IPv4 backend",
                   .in = Ethernet({}, TcpPacket(kTo4)),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63}))});
  cases.push_back({.name = "ipip_syn",
                   .why = "a SYN without ACK is a new flow",
                   .in = Ethernet({}, TcpPacket(kTo4, {}, kTcpSyn, {})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63}, kTcpSyn, {})),
                   .new_flow = true});
  cases.push_back({.name = "ipip_syn_ack",
                   .why = "a SYN with ACK is none",
                   .in = Ethernet({}, TcpPacket(kTo4, {}, kTcpSyn | kTcpAck, {})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63}, kTcpSyn | kTcpAck, {}))});
  cases.push_back({.name = "ipip_udp",
                   .why = "UDP by its own service",
                   .in = Ethernet({}, UdpPacket(dns4)),
                   .out = Tunnelled({}, UdpPacket(dns4, {.ttl = 63}))});
  cases.push_back(
      {.name = "6in6_tcp",
       .why = "IPv6 to an IPv6 backend; the outer flow label comes from the hash",
       .in = Ethernet({}, TcpPacket(kTo6)),
       .out =
           Tunnelled({.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(kTo6)},
                     TcpPacket(kTo6, {.ttl = 63}))});
  cases.push_back(
      {.name = "6in6_syn",
       .why = "a new flow over IPv6; the inner flow label stays",
       .in = Ethernet({}, TcpPacket(kTo6, {.flow_label = 0xabcde}, kTcpSyn, {})),
       .out =
           Tunnelled({.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(kTo6)},
                     TcpPacket(kTo6, {.ttl = 63, .flow_label = 0xabcde}, kTcpSyn, {})),
       .new_flow = true});
  cases.push_back(
      {.name = "6in6_udp",
       .why = "UDP over IPv6",
       .in = Ethernet({}, UdpPacket(dns6)),
       .out = Tunnelled(
           {.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(dns6, kUdp)},
           UdpPacket(dns6, {.ttl = 63}))});
  cases.push_back(
      {.name = "4in6_tcp",
       .why = "an IPv4 VIP whose backend has an IPv6 address",
       .in = Ethernet({}, TcpPacket(to46)),
       .out =
           Tunnelled({.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(to46)},
                     TcpPacket(to46, {.ttl = 63}))});
  cases.push_back({.name = "6in4_tcp",
                   .why = "an IPv6 VIP whose backend has an IPv4 address",
                   .in = Ethernet({}, TcpPacket(to64)),
                   .out = Tunnelled({}, TcpPacket(to64, {.ttl = 63}))});
  cases.push_back(
      Quic("quic_v1_initial", "a QUIC Initial is a new flow", QuicInitial(0xc3, 1), true));
  cases.push_back(Quic("quic_v2_initial", "version 2 numbers its types otherwise (RFC 9369)",
                       QuicInitial(0xd3, 0x6b3343cf), true));
  cases.push_back(Quic("quic_v2_0rtt", "what would be an Initial in version 1 is none in version 2",
                       QuicInitial(0xc3, 0x6b3343cf), false));
  cases.push_back(
      Quic("quic_handshake", "a long header of another type", QuicInitial(0xe3, 1), false));
  cases.push_back(Quic("quic_short_header", "a short header", QuicInitial(0x43, 1), false));
  cases.push_back(Quic("quic_version_negotiation", "version 0 is never an Initial",
                       QuicInitial(0xc3, 0), false));
  cases.push_back(Quic("quic_initial_too_small",
                       "a client pads its Initials: under 1,200 bytes it is none",
                       QuicInitial(0xc3, 1, 1199), false));

  for (const char* source : {"10.0.0.0/24", "10.0.0.0/8", "10.0.0.8/29"}) {
    TablesSpec tables = Scene();
    tables.encap_source4 = source;
    const uint32_t bits = 32 - static_cast<uint32_t>(std::stoi(
                                   std::string(source).substr(std::string(source).find('/') + 1)));
    const uint64_t hash = ReferenceSipHash13(
        tables.key, FlowKeyBytes(kTo4.client, kTo4.vip, kTo4.client_port, kTo4.vip_port, kTcp));
    const uint32_t varying = static_cast<uint32_t>(hash >> 32) & ((1u << bits) - 1);
    Address outer = ParseAddress(std::string(source).substr(0, std::string(source).find('/')));
    for (int i = 0; i < 4; i++)
      outer[15 - static_cast<size_t>(i)] |= static_cast<uint8_t>(varying >> (8 * i));
    cases.push_back({.name = "ipip_source_" + std::string(source),
                     .why = "the signature fills the outer source's host bits",
                     .tables = tables,
                     .in = Ethernet({}, TcpPacket(kTo4)),
                     .out = Tunnelled({.source = outer}, TcpPacket(kTo4, {.ttl = 63}))});
  }
  {
    TablesSpec tables = Scene();
    tables.encap_source6 = "fd00:0:0:5::/64";
    const uint64_t hash = ReferenceSipHash13(
        tables.key, FlowKeyBytes(kTo6.client, kTo6.vip, kTo6.client_port, kTo6.vip_port, kTcp));
    Address outer = ParseAddress("fd00:0:0:5::");
    for (int i = 0; i < 4; i++)
      outer[15 - static_cast<size_t>(i)] = static_cast<uint8_t>(hash >> (32 + 8 * i));
    cases.push_back({.name = "6in6_source_prefix",
                     .why = "the signature is the last four bytes of the outer source",
                     .tables = tables,
                     .in = Ethernet({}, TcpPacket(kTo6)),
                     .out = Tunnelled(
                         {.source = outer, .destination = kBackend6, .flow_label = FlowLabel(kTo6)},
                         TcpPacket(kTo6, {.ttl = 63}))});
  }
  {
    const Conversation c{.client = kClient6, .vip = ParseAddress("2001:db8:113::16")};
    cases.push_back(
        {.name = "6in6_affinity_client",
         .why = "the hash is that of the client alone",
         .in = Ethernet({}, TcpPacket(c)),
         .out = Tunnelled(
             {.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(c, kTcp, true)},
             TcpPacket(c, {.ttl = 63}))});
  }
  return cases;
}

std::vector<Case> L2DsrCases() {
  const Conversation c4{.vip = ParseAddress("203.0.113.12")};
  const Conversation c6{.client = kClient6, .vip = ParseAddress("2001:db8:113::12")};
  TablesSpec tagged = Scene();
  tagged.vlan = 7;
  std::vector<Case> cases;
  cases.push_back(
      {.name = "l2dsr_ipv4",
       .why = "only MAC addresses and TTL change, and padding goes",
       .in = Ethernet({.padding = 6}, TcpPacket(c4)),
       .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac}, TcpPacket(c4, {.ttl = 63}))});
  cases.push_back(
      {.name = "l2dsr_ipv6",
       .why = "the same for IPv6",
       .in = Ethernet({}, TcpPacket(c6)),
       .out = Ethernet({.destination = kDsr6Mac, .source = kPortMac}, TcpPacket(c6, {.ttl = 63}))});
  cases.push_back(
      {.name = "l2dsr_tag_removed",
       .why = "the tag that came in is not one towards the backends: the frame shrinks",
       .in = Ethernet({.tags = {{.tci = 100}}}, TcpPacket(c4)),
       .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac}, TcpPacket(c4, {.ttl = 63}))});
  cases.push_back(
      {.name = "l2dsr_tags_removed_ipv6",
       .why = "two tags less",
       .in = Ethernet({.tags = {{.type = kTypeSvlan, .tci = 9}, {.tci = 100}}}, TcpPacket(c6)),
       .out = Ethernet({.destination = kDsr6Mac, .source = kPortMac}, TcpPacket(c6, {.ttl = 63}))});
  cases.push_back(
      {.name = "l2dsr_tag_added",
       .why = "the segment of the backends is a VLAN",
       .tables = tagged,
       .in = Ethernet({}, TcpPacket(c4)),
       .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac, .tags = {{.tci = 7}}},
                       TcpPacket(c4, {.ttl = 63}))});
  cases.push_back(
      {.name = "l2dsr_tag_replaced",
       .why = "priority bits of the client's tag don't travel on",
       .tables = tagged,
       .in = Ethernet({.tags = {{.tci = 0xe064}}}, TcpPacket(c4)),
       .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac, .tags = {{.tci = 7}}},
                       TcpPacket(c4, {.ttl = 63}))});
  return cases;
}

}  // namespace evenkeel::packets
