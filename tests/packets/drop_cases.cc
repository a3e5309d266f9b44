#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

Case Dropped(const std::string& name, const std::string& why, lb_reason reason,
             const Bytes& frame) {
  return {.name = name, .why = why, .in = frame, .reason = reason};
}

// IPv6 whose first header is `first`, then `payload` as it is.
Bytes Ipv6(uint8_t first, const Bytes& payload, std::optional<uint16_t> length = {}) {
  return Ethernet(
      {},
      Ip({.source = kClient6, .destination = kVip6, .protocol = first, .length = length}, payload));
}

Bytes Then(Bytes first, const Bytes& second) {
  Put(first, second);
  return first;
}

Bytes Segment6() { return Tcp({.source = kClient6, .destination = kVip6}); }

// A TCP header or UDP header that lies about itself.
Bytes Lying4(uint8_t protocol, const TransportSpec& spec, size_t keep = 1000) {
  TransportSpec full = spec;
  full.source = kClient4;
  full.destination = kVip4;
  Bytes segment = protocol == kTcp ? Tcp(full) : Udp(full);
  if (segment.size() > keep) segment.resize(keep);
  return Ethernet({.padding = 40},
                  Ip({.source = kClient4, .destination = kVip4, .protocol = protocol}, segment));
}

}  // namespace

std::vector<Case> DropCases() {
  const Bytes options = {1, 4, 0, 0, 0, 0};
  Bytes nine;
  for (int i = 0; i < 9; i++) Put(nine, Extension(i == 8 ? kTcp : 60, options));
  Bytes long_chain = Extension(60, Counting(1014));
  Put(long_chain, Extension(60, Counting(1014)));
  Put(long_chain, Extension(kTcp, options));
  TablesSpec no_source = Scene();
  no_source.encap_source4 = "";
  no_source.encap_source6 = "";
  const auto to4 = [](const char* vip) { return Conversation{.vip = ParseAddress(vip)}; };
  const auto to6 = [](const char* vip) {
    return Conversation{.client = kClient6, .vip = ParseAddress(vip)};
  };
  std::vector<Case> cases;
  cases.push_back(Dropped("fragment_first", "more fragments follow", LB_REASON_fragment,
                          Ethernet({}, TcpPacket(kTo4, {.flags_offset = kMoreFragments}))));
  cases.push_back(Dropped("fragment_later", "an offset", LB_REASON_fragment,
                          Ethernet({}, TcpPacket(kTo4, {.flags_offset = 0x00b9}))));
  cases.push_back(Dropped("fragment_last_bit", "the least offset", LB_REASON_fragment,
                          Ethernet({}, TcpPacket(kTo4, {.flags_offset = 0x0001}))));
  cases.push_back(Dropped("fragment6_first", "M set", LB_REASON_fragment,
                          Ipv6(44, Then(FragmentHeader(kTcp, 0x0001), Segment6()))));
  cases.push_back(Dropped("fragment6_later", "an offset", LB_REASON_fragment,
                          Ipv6(44, Then(FragmentHeader(kTcp, 0x0008), Counting(40)))));
  cases.push_back(Dropped("nine_extensions", "one above the bound", LB_REASON_too_many_extensions,
                          Ipv6(60, Then(nine, Segment6()))));
  cases.push_back(Dropped("extensions_too_long", "few headers, too many bytes",
                          LB_REASON_too_many_extensions, Ipv6(60, Then(long_chain, Segment6()))));
  cases.push_back(
      Dropped("hop_by_hop_not_first", "forbidden by RFC 8200", LB_REASON_too_many_extensions,
              Ipv6(60, Then(Extension(0, options), Then(Extension(kTcp, options), Segment6())))));
  cases.push_back(Dropped("routing_segments_left", "the VIP is not the last destination",
                          LB_REASON_too_many_extensions,
                          Ipv6(43, Then(RoutingHeader(kTcp, 4, 1), Segment6()))));
  cases.push_back(Dropped("ttl_one", "no hop is left", LB_REASON_ttl_expired,
                          Ethernet({}, TcpPacket(kTo4, {.ttl = 1}))));
  cases.push_back(Dropped("ttl_zero", "and less than none", LB_REASON_ttl_expired,
                          Ethernet({}, TcpPacket(kTo4, {.ttl = 0}))));
  cases.push_back(Dropped("hop_limit_one", "the same for IPv6", LB_REASON_ttl_expired,
                          Ethernet({}, TcpPacket(kTo6, {.ttl = 1}))));
  cases.push_back(Dropped("ttl_one_l2dsr", "L2 DSR is a hop too", LB_REASON_ttl_expired,
                          Ethernet({}, TcpPacket(to4("203.0.113.12"), {.ttl = 1}))));
  cases.push_back(Dropped("empty_pool4", "nobody to forward to", LB_REASON_no_backend,
                          Ethernet({}, TcpPacket(to4("203.0.113.14")))));
  cases.push_back(Dropped("empty_pool6", "nobody to forward to", LB_REASON_no_backend,
                          Ethernet({}, TcpPacket(to6("2001:db8:113::14")))));
  cases.push_back(Dropped("unresolved4", "no MAC address of the next hop",
                          LB_REASON_next_hop_unresolved,
                          Ethernet({}, TcpPacket(to4("203.0.113.15")))));
  cases.push_back(Dropped("unresolved6", "no MAC address of the next hop",
                          LB_REASON_next_hop_unresolved,
                          Ethernet({}, TcpPacket(to6("2001:db8:113::15")))));

  const auto without_source = [&](const std::string& name, const Conversation& c) {
    cases.push_back({.name = name,
                     .why = "no outer source of the backend's family",
                     .tables = no_source,
                     .in = Ethernet({}, TcpPacket(c)),
                     .reason = LB_REASON_no_encap_source});
  };
  without_source("no_source_ipip", kTo4);
  without_source("no_source_6in6", kTo6);
  without_source("no_source_4in6", to4("203.0.113.11"));
  without_source("no_source_6in4", to6("2001:db8:113::11"));
  cases.push_back({.name = "no_source_l2dsr",
                   .why = "L2 DSR needs none",
                   .tables = no_source,
                   .in = Ethernet({}, TcpPacket(to4("203.0.113.12"))),
                   .out = Ethernet({.destination = kDsr4Mac, .source = kPortMac},
                                   TcpPacket(to4("203.0.113.12"), {.ttl = 63}))});
  return cases;
}

std::vector<Case> LyingLengthCases() {
  const Bytes options = {1, 4, 0, 0, 0, 0};
  Bytes long_extension = Extension(kTcp, options);
  long_extension[1] = 200;
  Bytes overlapping = Extension(kTcp, options);
  overlapping[1] = 2;  // 24 bytes: four are left for TCP
  std::vector<Case> cases;
  cases.push_back(Dropped("ipv4_version_5", "version in the header", LB_REASON_bad_ip_header,
                          Ethernet({.type = kTypeIpv4}, TcpPacket(kTo4, {.version = 5}))));
  cases.push_back(Dropped("ipv4_type_ipv6_packet", "type and version differ",
                          LB_REASON_bad_ip_header, Ethernet({.type = kTypeIpv4}, TcpPacket(kTo6))));
  cases.push_back(Dropped("ipv6_type_ipv4_packet", "type and version differ",
                          LB_REASON_bad_ip_header, Ethernet({.type = kTypeIpv6}, TcpPacket(kTo4))));
  cases.push_back(Dropped("ipv4_header_words_4", "a header of 16 bytes", LB_REASON_bad_ip_header,
                          Ethernet({}, TcpPacket(kTo4, {.header_words = 4}))));
  cases.push_back(Dropped("ipv4_header_words_0", "a header of none", LB_REASON_bad_ip_header,
                          Ethernet({}, TcpPacket(kTo4, {.header_words = 0}))));
  cases.push_back(Dropped("ipv4_header_longer_than_packet", "60 bytes of header in 50 of packet",
                          LB_REASON_bad_ip_header,
                          Ethernet({}, TcpPacket(kTo4, {.header_words = 15}))));
  cases.push_back(Dropped("ipv4_length_under_header", "19 bytes in all", LB_REASON_bad_ip_header,
                          Ethernet({}, TcpPacket(kTo4, {.length = 19}))));
  cases.push_back(Dropped("ipv4_length_zero", "a length of 0 (segmentation offload leaves such)",
                          LB_REASON_bad_ip_header, Ethernet({}, TcpPacket(kTo4, {.length = 0}))));
  cases.push_back(Dropped("ipv4_length_beyond_frame", "one byte more than came",
                          LB_REASON_truncated, Ethernet({}, TcpPacket(kTo4, {.length = 51}))));
  cases.push_back(Dropped("ipv4_length_max", "65,535", LB_REASON_truncated,
                          Ethernet({}, TcpPacket(kTo4, {.length = 65535}))));
  cases.push_back(Dropped("ipv4_length_cuts_tcp",
                          "the packet ends within the TCP header, the frame does not",
                          LB_REASON_bad_l4_header, Ethernet({}, TcpPacket(kTo4, {.length = 39}))));
  cases.push_back(Dropped("ipv4_no_payload", "a header and nothing else", LB_REASON_bad_l4_header,
                          Ethernet({}, TcpPacket(kTo4, {.length = 20}))));
  cases.push_back(Dropped("ipv6_length_beyond_frame", "one byte more than came",
                          LB_REASON_truncated, Ethernet({}, TcpPacket(kTo6, {.length = 31}))));
  cases.push_back(Dropped("ipv6_length_max",
                          "65,535 and the header are no packet that we could take",
                          LB_REASON_too_big, Ethernet({}, TcpPacket(kTo6, {.length = 65535}))));
  cases.push_back(Dropped("ipv6_length_under_tcp", "19 bytes for TCP", LB_REASON_bad_l4_header,
                          Ethernet({}, TcpPacket(kTo6, {.length = 19}))));
  cases.push_back(Dropped("ipv6_length_zero", "no payload", LB_REASON_bad_l4_header,
                          Ethernet({}, TcpPacket(kTo6, {.length = 0}))));
  cases.push_back(Dropped("extension_beyond_packet", "an extension header longer than the packet",
                          LB_REASON_bad_ip_header, Ipv6(60, Then(long_extension, Segment6()))));
  cases.push_back(Dropped("extension_cuts_tcp", "an extension header that reaches into the segment",
                          LB_REASON_bad_l4_header, Ipv6(60, Then(overlapping, Segment6()))));
  cases.push_back(Dropped("extension_without_bytes", "an extension header announced, none there",
                          LB_REASON_bad_ip_header, Ipv6(60, Counting(8), 4)));
  cases.push_back(Dropped("extension_in_padding", "the packet ends before the extension header",
                          LB_REASON_bad_ip_header,
                          Ipv6(60, Then(Extension(kTcp, options), Segment6()), 0)));
  cases.push_back(Dropped("tcp_offset_4", "16 bytes of TCP header", LB_REASON_bad_l4_header,
                          Lying4(kTcp, {.data_offset = 4})));
  cases.push_back(Dropped("tcp_offset_0", "no TCP header", LB_REASON_bad_l4_header,
                          Lying4(kTcp, {.data_offset = 0})));
  cases.push_back(Dropped("tcp_offset_beyond", "24 bytes of header in 20 of segment",
                          LB_REASON_bad_l4_header, Lying4(kTcp, {.data_offset = 6})));
  cases.push_back(Dropped("tcp_half_header", "the packet ends within the header, padding follows",
                          LB_REASON_bad_l4_header, Lying4(kTcp, {}, 13)));
  cases.push_back(Dropped("udp_length_7", "less than its header", LB_REASON_bad_l4_header,
                          Lying4(kUdp, {.destination_port = 53, .length = 7})));
  cases.push_back(Dropped("udp_length_0", "zero", LB_REASON_bad_l4_header,
                          Lying4(kUdp, {.destination_port = 53, .length = 0})));
  cases.push_back(Dropped("udp_length_beyond", "more than the packet holds, though padding follows",
                          LB_REASON_bad_l4_header,
                          Lying4(kUdp, {.destination_port = 53, .length = 9})));
  cases.push_back(Dropped("udp_half_header", "seven bytes", LB_REASON_bad_l4_header,
                          Lying4(kUdp, {.destination_port = 53}, 7)));
  cases.push_back(Dropped(
      "icmp_half_header", "seven bytes of ICMP", LB_REASON_bad_l4_header,
      Ethernet({.padding = 20},
               Ip({.source = kClient4, .destination = kVip4, .protocol = kIcmp}, Counting(7)))));
  cases.push_back(Dropped("icmpv6_half_header", "seven bytes of ICMPv6", LB_REASON_bad_l4_header,
                          Ipv6(kIcmpv6, Counting(7))));
  return cases;
}

// A frame that ends anywhere before its packet does is truncated, wherever the cut is.
std::vector<Case> TruncationCases() {
  struct Whole {
    const char* name;
    Bytes frame;
  };
  Bytes extended = Extension(60, {1, 4, 0, 0, 0, 0});
  Put(extended, Extension(kTcp, Counting(14)));
  const Whole wholes[] = {
      {"ipv4_tcp", Ethernet({}, TcpPacket(kTo4))},
      {"ipv4_options", Ethernet({}, TcpPacket(kTo4, {.options = Bytes(12, 1)}))},
      {"ipv4_udp", Ethernet({}, UdpPacket({.vip_port = 53}))},
      {"ipv4_echo", Ethernet({}, Ip({.source = kClient4, .destination = kVip4, .protocol = kIcmp},
                                    Icmp({.source = kClient4, .destination = kVip4})))},
      {"qinq_ipv4", Ethernet({.tags = {{.type = kTypeSvlan}, {}}}, TcpPacket(kTo4))},
      {"ipv6_tcp", Ethernet({}, TcpPacket(kTo6))},
      {"vlan_ipv6_extended",
       Ethernet({.tags = {{}}}, Ip({.source = kClient6, .destination = kVip6, .protocol = 60},
                                   Then(extended, Segment6())))},
  };
  std::vector<Case> cases;
  for (const Whole& whole : wholes) {
    for (size_t length = 0; length < whole.frame.size(); length++) {
      cases.push_back(
          {.name = std::string("cut_") + whole.name + "_" + std::to_string(length),
           .why = "a frame of " + std::to_string(length) + " bytes",
           .in = Bytes(whole.frame.begin(), whole.frame.begin() + static_cast<long>(length)),
           .reason = LB_REASON_truncated});
    }
  }
  return cases;
}

}  // namespace evenkeel::packets
