#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

Case Matched(const std::string& name, const std::string& why, const Conversation& c) {
  const bool ipv4 = IsIpv4(c.vip);
  return {
      .name = name,
      .why = why,
      .in = Ethernet({}, TcpPacket(c)),
      .out = ipv4 ? Tunnelled({}, TcpPacket(c, {.ttl = 63}))
                  : Tunnelled(
                        {.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(c)},
                        TcpPacket(c, {.ttl = 63}))};
}

Case Passed(const std::string& name, const std::string& why, const Bytes& frame, lb_reason reason) {
  return {.name = name, .why = why, .in = frame, .reason = reason};
}

Conversation To(const char* vip, uint16_t port) {
  const Address address = ParseAddress(vip);
  return {.client = IsIpv4(address) ? kClient4 : kClient6, .vip = address, .vip_port = port};
}

Bytes OtherProtocol(const Address& client, const Address& vip, uint8_t protocol) {
  return Ethernet({},
                  Ip({.source = client, .destination = vip, .protocol = protocol}, Counting(24)));
}

}  // namespace

std::vector<Case> MatchCases() {
  std::vector<Case> cases;
  for (uint16_t port : {8000, 8001, 8050, 8099}) {
    const std::string text = std::to_string(port);
    cases.push_back(Matched("range4_" + text, "within a range", To("203.0.113.10", port)));
    cases.push_back(Matched("range6_" + text, "within a range", To("2001:db8:113::10", port)));
  }
  for (uint16_t port : {0, 79, 81, 7999, 8100, 65535}) {
    const std::string text = std::to_string(port);
    cases.push_back(Passed("unmatched4_" + text, "beside every port of the VIP",
                           Ethernet({}, TcpPacket(To("203.0.113.10", port))),
                           LB_REASON_vip_unmatched));
    cases.push_back(Passed("unmatched6_" + text, "beside every port of the VIP",
                           Ethernet({}, TcpPacket(To("2001:db8:113::10", port))),
                           LB_REASON_vip_unmatched));
  }
  for (uint16_t port : {0, 80, 65535}) {
    const std::string text = std::to_string(port);
    cases.push_back(Matched("any4_" + text, "a service for any port", To("203.0.113.13", port)));
    cases.push_back(
        Matched("any6_" + text, "a service for any port", To("2001:db8:113::13", port)));
  }
  for (const char* vip : {"203.0.113.128", "203.0.113.200", "203.0.113.255", "2001:db8:113::8000",
                          "2001:db8:113::ffff"})
    cases.push_back(
        Matched(std::string("prefix_") + vip, "an address of a VIP prefix", To(vip, 80)));

  std::vector<Case> passed;
  passed.push_back(Passed("prefix_unmatched", "a VIP prefix, another port",
                          Ethernet({}, TcpPacket(To("203.0.113.200", 81))),
                          LB_REASON_vip_unmatched));
  passed.push_back(Passed("no_vip4", "an address beside the VIPs",
                          Ethernet({}, TcpPacket(To("203.0.113.9", 80))), LB_REASON_no_service));
  passed.push_back(Passed("no_vip6", "an address beside the VIPs",
                          Ethernet({}, TcpPacket(To("2001:db8:113::9", 80))),
                          LB_REASON_no_service));
  passed.push_back(Passed("mapped_vip", "::ffff:203.0.113.10 in an IPv6 header is not the IPv4 VIP",
                          Ethernet({},
                                   [] {
                                     Bytes packet = TcpPacket(To("2001:db8:113::9", 80));
                                     const Address mapped = ParseAddress("203.0.113.10");
                                     std::copy(mapped.begin(), mapped.end(), packet.begin() + 24);
                                     return packet;
                                   }()),
                          LB_REASON_no_service));
  passed.push_back(Passed("udp_to_tcp_port", "the port is right, the protocol is not",
                          Ethernet({}, UdpPacket({})), LB_REASON_vip_unmatched));
  passed.push_back(Passed("tcp_to_udp_port", "the port is right, the protocol is not",
                          Ethernet({}, TcpPacket(To("203.0.113.10", 53))),
                          LB_REASON_vip_unmatched));
  passed.push_back(Passed("gre_to_vip", "a protocol without ports",
                          OtherProtocol(kClient4, kVip4, kGre), LB_REASON_vip_unmatched));
  passed.push_back(Passed("icmpv6_in_ipv4", "the other family's ICMP is just another protocol",
                          OtherProtocol(kClient4, kVip4, kIcmpv6), LB_REASON_vip_unmatched));
  passed.push_back(Passed("icmp_in_ipv6", "the other family's ICMP is just another protocol",
                          OtherProtocol(kClient6, kVip6, kIcmp), LB_REASON_vip_unmatched));
  passed.push_back(Passed("no_next_header", "IPv6 with nothing behind it",
                          OtherProtocol(kClient6, kVip6, kNoNextHeader), LB_REASON_vip_unmatched));
  passed.push_back(
      Passed("arp", "no IP", Ethernet({.type = kTypeArp}, Counting(46)), LB_REASON_not_ip));
  passed.push_back(
      Passed("lldp", "no IP", Ethernet({.type = 0x88cc}, Counting(46)), LB_REASON_not_ip));
  passed.push_back(Passed("length_not_type", "an 802.3 length where the type is",
                          Ethernet({.type = 0x0026}, Counting(46)), LB_REASON_not_ip));
  passed.push_back(Passed("only_ethernet", "14 bytes and no more", Ethernet({.type = kTypeArp}, {}),
                          LB_REASON_not_ip));
  passed.push_back(
      Passed("kernels_fragment", "a fragment to no VIP is the kernel's",
             Ethernet({}, TcpPacket(To("203.0.113.9", 80), {.flags_offset = kMoreFragments})),
             LB_REASON_no_service));
  passed.push_back(Passed("kernels_broken_header", "a lying length to no VIP is the kernel's",
                          Ethernet({}, TcpPacket(To("203.0.113.9", 80), {.length = 9000})),
                          LB_REASON_no_service));
  passed.push_back(Passed("kernels_expired_ttl", "TTL 1 to no VIP is the kernel's",
                          Ethernet({}, TcpPacket(To("203.0.113.9", 80), {.ttl = 1})),
                          LB_REASON_no_service));
  passed.push_back(Passed("multicast_listener", "MLD: a hop-by-hop header to a multicast group",
                          Ethernet({}, Ip({.source = ParseAddress("fe80::1"),
                                           .destination = ParseAddress("ff02::16"),
                                           .protocol = 0,
                                           .ttl = 1},
                                          Counting(36))),
                          LB_REASON_no_service));

  cases.insert(cases.end(), passed.begin(), passed.end());

  // Nested prefixes: the longest that holds a fitting service wins, not the longest.
  TablesSpec nested = Scene();
  nested.services = {
      {.vip = "203.0.113.10", .ports = {{443, 443}}, .pool = "tunnel6"},
      {.vip = "203.0.113.0/28", .ports = {{90, 99}}, .pool = "dsr4"},
      {.vip = "203.0.113.0/24", .ports = {}, .pool = "tunnel4"},
  };
  const Conversation outer = To("203.0.113.10", 80);
  const Conversation middle = To("203.0.113.10", 95);
  const Conversation inner = To("203.0.113.10", 443);
  cases.push_back({.name = "nested_outer",
                   .why = "two longer prefixes have no such port",
                   .tables = nested,
                   .in = Ethernet({}, TcpPacket(outer)),
                   .out = Tunnelled({}, TcpPacket(outer, {.ttl = 63}))});
  cases.push_back({.name = "nested_middle",
                   .why = "the middle prefix has a range",
                   .tables = nested,
                   .in = Ethernet({}, TcpPacket(middle)),
                   .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac},
                                   TcpPacket(middle, {.ttl = 63}))});
  cases.push_back(
      {.name = "nested_inner",
       .why = "the address itself has the port",
       .tables = nested,
       .in = Ethernet({}, TcpPacket(inner)),
       .out =
           Tunnelled({.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(inner)},
                     TcpPacket(inner, {.ttl = 63}))});
  cases.push_back({.name = "nested_udp",
                   .why = "no prefix has UDP",
                   .tables = nested,
                   .in = Ethernet({}, UdpPacket(outer)),
                   .reason = LB_REASON_vip_unmatched});
  return cases;
}

}  // namespace evenkeel::packets
