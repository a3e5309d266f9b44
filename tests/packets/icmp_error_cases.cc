// ICMP errors to a VIP go to the backend of the flow that they are about.
#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

const Address kHop4 = ParseAddress("192.0.2.1");
const Address kHop6 = ParseAddress("2001:db8:1::1");
// What the backend sent from the VIP to the client, as far as a router quotes it.
Bytes Quoted(const Conversation& c, uint8_t protocol = kTcp, size_t keep = 28, IpSpec ip = {}) {
  ip.source = c.vip;
  ip.destination = c.client;
  ip.protocol = protocol;
  Bytes segment;
  Put16(segment, c.vip_port);
  Put16(segment, c.client_port);
  Put(segment, Counting(28));
  Bytes packet = Ip(ip, segment);
  packet.resize(keep);
  return packet;
}

Bytes Error(const Conversation& c, uint8_t type, uint8_t code, const Bytes& quote,
            uint8_t ttl = 60) {
  const bool ipv4 = IsIpv4(c.vip);
  const Address& hop = ipv4 ? kHop4 : kHop6;
  return Ip({.source = hop, .destination = c.vip, .protocol = ipv4 ? kIcmp : kIcmpv6, .ttl = ttl},
            Icmp({.source = hop,
                  .destination = c.vip,
                  .type = type,
                  .code = code,
                  .rest = 1400,
                  .body = quote}));
}

Bytes ToBackend(const Conversation& c, const Bytes& inner, uint8_t protocol = kTcp) {
  if (IsIpv4(c.vip)) return Tunnelled({}, inner);
  return Tunnelled(
      {.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(c, protocol)}, inner);
}

Case Steered(const std::string& name, const std::string& why, const Conversation& c, uint8_t type,
             uint8_t code, const Bytes& quote, uint8_t protocol = kTcp) {
  return {.name = name,
          .why = why,
          .in = Ethernet({}, Error(c, type, code, quote)),
          .out = ToBackend(c, Error(c, type, code, quote, 59), protocol)};
}

Case Unmatched(const std::string& name, const std::string& why, const Conversation& c, uint8_t type,
               const Bytes& quote) {
  return {.name = name,
          .why = why,
          .in = Ethernet({}, Error(c, type, 0, quote)),
          .reason = LB_REASON_icmp_unmatched};
}

}  // namespace

std::vector<Case> IcmpErrorCases() {
  const Conversation dns4{.vip_port = 53};
  const Conversation dns6{.client = kClient6, .vip = kVip6, .vip_port = 53};
  const Conversation closed{.vip_port = 81};
  const Conversation other{.vip = ParseAddress("203.0.113.13")};
  std::vector<Case> cases;
  cases.push_back(Steered("fragmentation_needed", "path MTU discovery of the backend", kTo4, 3, 4,
                          Quoted(kTo4)));
  cases.push_back(Steered("host_unreachable_long_quote", "a router that quotes more", kTo4, 3, 1,
                          Quoted(kTo4, kTcp, 48)));
  cases.push_back(
      Steered("time_exceeded", "traceroute from the backend", kTo4, 11, 0, Quoted(kTo4)));
  cases.push_back(
      Steered("parameter_problem", "any error about a flow", kTo4, 12, 0, Quoted(kTo4)));
  cases.push_back(Steered("quote_with_options", "options in the quoted header", kTo4, 3, 4,
                          Quoted(kTo4, kTcp, 36, {.options = Bytes(8, 1)})));
  cases.push_back(Steered("about_udp", "port unreachable about a datagram", dns4, 3, 3,
                          Quoted(dns4, kUdp), kUdp));
  cases.push_back(Steered("packet_too_big6", "the same for IPv6: the flow's own hash", kTo6, 2, 0,
                          Quoted(kTo6, kTcp, 60)));
  cases.push_back(Steered("unreachable6", "ICMPv6 type 1", kTo6, 1, 4, Quoted(kTo6, kTcp, 48)));
  cases.push_back(Steered("time_exceeded6", "ICMPv6 type 3", kTo6, 3, 0, Quoted(kTo6, kTcp, 48)));
  cases.push_back(
      Steered("parameter_problem6_udp", "ICMPv6 type 4", dns6, 4, 0, Quoted(dns6, kUdp, 48), kUdp));
  cases.push_back(
      Unmatched("about_closed_port", "no service has the port", closed, 3, Quoted(closed)));
  cases.push_back(Unmatched("about_other_vip",
                            "the quote was not sent from the address that gets the error", kTo4, 3,
                            Quoted(other)));
  cases.push_back(Unmatched("about_icmp", "the quote has no ports", kTo4, 3, Quoted(kTo4, kIcmp)));
  cases.push_back(Unmatched("about_later_fragment", "a later fragment has no ports", kTo4, 3,
                            Quoted(kTo4, kTcp, 28, {.flags_offset = 0x0010})));
  cases.push_back(
      Unmatched("quote_too_short", "seven bytes of the segment", kTo4, 3, Quoted(kTo4, kTcp, 27)));
  cases.push_back(
      Unmatched("quote_without_header", "not even a header", kTo4, 3, Quoted(kTo4, kTcp, 12)));
  cases.push_back(Unmatched("quote_empty", "nothing quoted", kTo4, 3, {}));
  cases.push_back(Unmatched("quote_wrong_version", "IPv6 where IPv4 should be", kTo4, 3,
                            Quoted(kTo6, kTcp, 60)));
  cases.push_back(Unmatched("quote_bad_header_length", "a quoted header of 16 bytes", kTo4, 3,
                            Quoted(kTo4, kTcp, 28, {.header_words = 4})));
  cases.push_back(
      Unmatched("quote_too_short6", "seven bytes of the segment", kTo6, 1, Quoted(kTo6, kTcp, 47)));
  cases.push_back(Unmatched("quote_wrong_version6", "IPv4 where IPv6 should be", kTo6, 1,
                            Quoted(kTo4, kTcp, 28)));
  cases.push_back({.name = "error_ttl",
                   .why = "an error expires like any packet",
                   .in = Ethernet({}, Error(kTo4, 3, 4, Quoted(kTo4), 1)),
                   .reason = LB_REASON_ttl_expired});
  cases.push_back({.name = "error_too_big",
                   .why = "no error about an error",
                   .in = Ethernet({}, Error(kTo6, 1, 0,
                                            [] {
                                              Bytes quote = Quoted(kTo6, kTcp, 60);
                                              quote.resize(1600);
                                              return quote;
                                            }())),
                   .reason = LB_REASON_too_big});
  cases.push_back({.name = "icmp_fragment",
                   .why = "a large echo in fragments",
                   .in = Ethernet({}, Ip({.source = kClient4,
                                          .destination = kVip4,
                                          .protocol = kIcmp,
                                          .flags_offset = kMoreFragments},
                                         Icmp({.source = kClient4, .body = Counting(48)}))),
                   .reason = LB_REASON_fragment});
  return cases;
}

}  // namespace evenkeel::packets
