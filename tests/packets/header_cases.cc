// Headers in their legal variety: tags, options, extension headers, padding, DSCP, ECN, TTL.
#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

Bytes Tunnel6(const Bytes& inner, uint8_t tos = 0, std::vector<Tag> tags = {}) {
  return Tunnelled({.source = kSource6,
                    .destination = kBackend6,
                    .tos = tos,
                    .flow_label = FlowLabel(kTo6),
                    .tags = std::move(tags)},
                   inner);
}

// A TCP packet over IPv6 behind extension headers; `first` is the first one's number.
Bytes Extended(uint8_t first, const Bytes& extensions, uint8_t ttl = 64) {
  Bytes payload = extensions;
  Put(payload, Tcp({.source = kTo6.client, .destination = kTo6.vip}));
  return Ip({.source = kTo6.client, .destination = kTo6.vip, .protocol = first, .ttl = ttl},
            payload);
}

Case WithExtensions(const std::string& name, const std::string& why, uint8_t first,
                    const Bytes& extensions) {
  return {.name = name,
          .why = why,
          .in = Ethernet({}, Extended(first, extensions)),
          .out = Tunnel6(Extended(first, extensions, 63))};
}

std::vector<Case> TagCases() {
  TablesSpec tagged = Scene();
  tagged.vlan = 4094;
  const std::vector<Tag> out_tag = {{.tci = 4094}};
  const std::vector<Tag> one = {{.tci = 100}};
  const std::vector<Tag> two = {{.type = kTypeSvlan, .tci = 100}, {.tci = 0x6005}};
  const Bytes lowered4 = TcpPacket(kTo4, {.ttl = 63});
  const Bytes lowered6 = TcpPacket(kTo6, {.ttl = 63});
  std::vector<Case> cases;
  cases.push_back({.name = "vlan_ipv4",
                   .why = "a tag is removed",
                   .in = Ethernet({.tags = one}, TcpPacket(kTo4)),
                   .out = Tunnelled({}, lowered4)});
  cases.push_back({.name = "qinq_ipv4",
                   .why = "two tags are removed",
                   .in = Ethernet({.tags = two}, TcpPacket(kTo4)),
                   .out = Tunnelled({}, lowered4)});
  cases.push_back({.name = "qinq_ipv6",
                   .why = "the same for IPv6",
                   .in = Ethernet({.tags = two}, TcpPacket(kTo6)),
                   .out = Tunnel6(lowered6)});
  cases.push_back({.name = "vlan_out_ipv4",
                   .why = "the backends' tag is added",
                   .tables = tagged,
                   .in = Ethernet({}, TcpPacket(kTo4)),
                   .out = Tunnelled({.tags = out_tag}, lowered4)});
  cases.push_back({.name = "vlan_in_and_out_ipv6",
                   .why = "one tag for another",
                   .tables = tagged,
                   .in = Ethernet({.tags = one}, TcpPacket(kTo6)),
                   .out = Tunnel6(lowered6, 0, out_tag)});
  cases.push_back({.name = "three_tags",
                   .why = "a third tag is no IP any more",
                   .in = Ethernet({.tags = {{}, {}, {}}}, TcpPacket(kTo4)),
                   .reason = LB_REASON_not_ip});
  return cases;
}

std::vector<Case> ExtensionCases() {
  const Bytes options = {1, 4, 0, 0, 0, 0};  // PadN
  Bytes three = Extension(43, options);
  Put(three, RoutingHeader(60, 3, 0));
  Put(three, Extension(kTcp, Counting(22)));
  Bytes eight;
  for (int i = 0; i < 8; i++) Put(eight, Extension(i == 7 ? kTcp : 60, options));
  std::vector<Case> cases;
  cases.push_back(WithExtensions("ipv6_hop_by_hop", "a hop-by-hop header in front", 0,
                                 Extension(kTcp, options)));
  cases.push_back(WithExtensions("ipv6_destination_options", "destination options of 24 bytes", 60,
                                 Extension(kTcp, Counting(22))));
  cases.push_back(WithExtensions("ipv6_routing_done", "a routing header with no segment left", 43,
                                 RoutingHeader(kTcp, 4, 0)));
  cases.push_back(WithExtensions("ipv6_atomic_fragment", "a fragment that is whole (RFC 6946)", 44,
                                 FragmentHeader(kTcp, 0)));
  cases.push_back(WithExtensions("ipv6_fragment_reserved_bits", "reserved bits make no fragment",
                                 44, FragmentHeader(kTcp, 0x0006)));
  cases.push_back(WithExtensions("ipv6_authentication", "AH counts its length in other units", 51,
                                 AuthenticationHeader(kTcp, 16)));
  cases.push_back(WithExtensions("ipv6_three_extensions",
                                 "hop-by-hop, routing, destination options", 0, three));
  cases.push_back(
      WithExtensions("ipv6_eight_extensions", "the bound itself is allowed", 60, eight));
  return cases;
}

std::vector<Case> FieldCases() {
  std::vector<Case> cases;
  cases.push_back({.name = "padding_ipv4",
                   .why = "padding is not part of the packet and isn't sent on",
                   .in = Ethernet({.padding = 6}, TcpPacket(kTo4, {}, kTcpAck, {})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63}, kTcpAck, {}))});
  cases.push_back({.name = "padding_ipv6",
                   .why = "the same for IPv6",
                   .in = Ethernet({.padding = 100}, TcpPacket(kTo6)),
                   .out = Tunnel6(TcpPacket(kTo6, {.ttl = 63}))});
  cases.push_back(
      {.name = "ipv4_options",
       .why = "options are skipped and kept",
       .in = Ethernet({}, TcpPacket(kTo4, {.options = {7, 7, 4, 0, 0, 0, 0, 0}})),
       .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63, .options = {7, 7, 4, 0, 0, 0, 0, 0}}))});
  cases.push_back({.name = "ipv4_options_max",
                   .why = "40 bytes of options",
                   .in = Ethernet({}, TcpPacket(kTo4, {.options = Bytes(40, 1)})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63, .options = Bytes(40, 1)}))});
  cases.push_back({.name = "ttl_two",
                   .why = "two is enough for one hop more",
                   .in = Ethernet({}, TcpPacket(kTo4, {.ttl = 2})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 1}))});
  cases.push_back({.name = "ttl_255_ipv6",
                   .why = "the outer hop limit is ours, not the packet's",
                   .in = Ethernet({}, TcpPacket(kTo6, {.ttl = 255})),
                   .out = Tunnel6(TcpPacket(kTo6, {.ttl = 254}))});
  cases.push_back({.name = "without_df",
                   .why = "the outer header has DF also where the inner has not",
                   .in = Ethernet({}, TcpPacket(kTo4, {.flags_offset = 0})),
                   .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63, .flags_offset = 0}))});
  cases.push_back(
      {.name = "udp_shorter_than_ip",
       .why = "bytes between the datagram's end and the packet's belong to the packet",
       .in = Ethernet({}, Ip({.source = kClient4, .destination = kVip4, .protocol = kUdp},
                             Udp({.source = kClient4,
                                  .destination = kVip4,
                                  .destination_port = 53,
                                  .payload = Counting(9),
                                  .length = 12}))),
       .out =
           Tunnelled({}, Ip({.source = kClient4, .destination = kVip4, .protocol = kUdp, .ttl = 63},
                            Udp({.source = kClient4,
                                 .destination = kVip4,
                                 .destination_port = 53,
                                 .payload = Counting(9),
                                 .length = 12})))});

  // ECN 0 to 3 and a DSCP: copied to the outer header (RFC 6040, normal mode), the inner one stays.
  for (uint8_t tos : {0x01, 0x02, 0x03, 0xb8, 0xbb}) {
    cases.push_back({.name = "tos_" + std::to_string(tos),
                     .why = "DSCP and ECN are copied",
                     .in = Ethernet({}, TcpPacket(kTo4, {.tos = tos})),
                     .out = Tunnelled({.tos = tos}, TcpPacket(kTo4, {.ttl = 63, .tos = tos}))});
    cases.push_back({.name = "class_" + std::to_string(tos),
                     .why = "the same for IPv6",
                     .in = Ethernet({}, TcpPacket(kTo6, {.tos = tos})),
                     .out = Tunnel6(TcpPacket(kTo6, {.ttl = 63, .tos = tos}), tos)});
  }
  // Every carry of the incremental checksum: identifications that make it pass 0x0000 and 0xffff.
  for (uint32_t i = 0; i < 0x10000; i += 251) {
    const uint16_t identification = static_cast<uint16_t>(i);
    cases.push_back(
        {.name = "checksum_" + std::to_string(i),
         .why = "the inner checksum after TTL - 1",
         .in = Ethernet({}, TcpPacket(kTo4, {.identification = identification})),
         .out = Tunnelled({}, TcpPacket(kTo4, {.ttl = 63, .identification = identification}))});
  }
  return cases;
}

}  // namespace

std::vector<Case> HeaderCases() {
  std::vector<Case> all = TagCases();
  for (auto* part : {ExtensionCases, FieldCases}) {
    std::vector<Case> cases = part();
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace evenkeel::packets
