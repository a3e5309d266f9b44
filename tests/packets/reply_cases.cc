// Echo to a VIP, and packets that the tunnel cannot carry.
#include "tests/packets/corpus.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

constexpr uint8_t kEcho4 = 8, kEchoReply4 = 0, kEcho6 = 128, kEchoReply6 = 129;

struct Echo {
  Address from = kClient4;
  Address to = kVip4;
  uint8_t type = kEcho4;
  uint8_t code = 0;
  uint8_t ttl = 64;
  Bytes options;
  size_t body = 56;
};
Bytes EchoPacket(const Echo& echo) {
  const bool ipv4 = IsIpv4(echo.from);
  return Ip({.source = echo.from,
             .destination = echo.to,
             .protocol = ipv4 ? kIcmp : kIcmpv6,
             .ttl = echo.ttl,
             .identification = 0xbeef,
             .options = echo.options},
            Icmp({.source = echo.from,
                  .destination = echo.to,
                  .type = echo.type,
                  .code = echo.code,
                  .body = Counting(echo.body)}));
}
const EthernetSpec kTurned = {.destination = kRouterMac, .source = kBalancerMac};

Case Unanswered(const std::string& name, const std::string& why, const Bytes& frame) {
  return {.name = name, .why = why, .in = frame, .reason = LB_REASON_icmp_unmatched};
}

std::vector<Case> EchoCases() {
  const Address empty4 = ParseAddress("203.0.113.14");
  const Address empty6 = ParseAddress("2001:db8:113::14");
  const Address prefix4 = ParseAddress("203.0.113.200");
  std::vector<Case> cases;
  cases.push_back(
      {.name = "echo4",
       .why = "a VIP with a backend answers, TTL 64, identification kept",
       .in = Ethernet({}, EchoPacket({.ttl = 17})),
       .reason = LB_REASON_echo_reply,
       .out = Ethernet(kTurned, EchoPacket({.from = kVip4, .to = kClient4, .type = kEchoReply4}))});
  cases.push_back(
      {.name = "echo4_last_hop",
       .why = "TTL 1 has arrived: it is to us",
       .in = Ethernet({}, EchoPacket({.ttl = 1})),
       .reason = LB_REASON_echo_reply,
       .out = Ethernet(kTurned, EchoPacket({.from = kVip4, .to = kClient4, .type = kEchoReply4}))});
  cases.push_back(
      {.name = "echo4_empty",
       .why = "no payload, padded frame",
       .in = Ethernet({.padding = 18}, EchoPacket({.body = 0})),
       .reason = LB_REASON_echo_reply,
       .out =
           Ethernet({.destination = kRouterMac, .source = kBalancerMac, .padding = 18},
                    EchoPacket({.from = kVip4, .to = kClient4, .type = kEchoReply4, .body = 0}))});
  cases.push_back(
      {.name = "echo4_tagged",
       .why = "the answer keeps the tags: it goes back the way it came",
       .in = Ethernet({.tags = {{.tci = 100}}}, EchoPacket({})),
       .reason = LB_REASON_echo_reply,
       .out = Ethernet({.destination = kRouterMac, .source = kBalancerMac, .tags = {{.tci = 100}}},
                       EchoPacket({.from = kVip4, .to = kClient4, .type = kEchoReply4}))});
  cases.push_back(
      {.name = "echo4_prefix",
       .why = "an address of a VIP prefix",
       .in = Ethernet({}, EchoPacket({.to = prefix4})),
       .reason = LB_REASON_echo_reply,
       .out =
           Ethernet(kTurned, EchoPacket({.from = prefix4, .to = kClient4, .type = kEchoReply4}))});
  cases.push_back(
      {.name = "echo6",
       .why = "the same for IPv6",
       .in = Ethernet({}, EchoPacket({.from = kClient6, .to = kVip6, .type = kEcho6, .ttl = 3})),
       .reason = LB_REASON_echo_reply,
       .out = Ethernet(kTurned, EchoPacket({.from = kVip6, .to = kClient6, .type = kEchoReply6}))});
  cases.push_back(Unanswered("echo4_empty_pool",
                             "no backend, no answer: the VIP looks down because it is",
                             Ethernet({}, EchoPacket({.to = empty4}))));
  cases.push_back(
      Unanswered("echo6_empty_pool", "the same for IPv6",
                 Ethernet({}, EchoPacket({.from = kClient6, .to = empty6, .type = kEcho6}))));
  cases.push_back(Unanswered("echo4_options", "options would have to be answered too",
                             Ethernet({}, EchoPacket({.options = Bytes(8, 1)}))));
  cases.push_back(
      Unanswered("echo4_code", "an echo has code 0", Ethernet({}, EchoPacket({.code = 1}))));
  cases.push_back(Unanswered("echo4_reply", "an answer is not answered",
                             Ethernet({}, EchoPacket({.type = kEchoReply4}))));
  cases.push_back(Unanswered("timestamp", "other requests are the kernel's",
                             Ethernet({}, EchoPacket({.type = 13}))));
  cases.push_back(Unanswered("redirect", "a redirect is about a route, not about a flow",
                             Ethernet({}, EchoPacket({.type = 5}))));
  cases.push_back(
      Unanswered("neighbour_solicitation", "NDP to a VIP is the kernel's",
                 Ethernet({}, EchoPacket({.from = kClient6, .to = kVip6, .type = 135}))));
  cases.push_back(
      Unanswered("echo4_to_broadcast_mac", "never answer a link-layer broadcast",
                 Ethernet({.destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, EchoPacket({}))));

  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
    cases.push_back(Unanswered(std::string("echo4_from_") + source, "a source that is no host",
                               Ethernet({}, EchoPacket({.from = ParseAddress(source)}))));
  for (const char* source : {"::", "::1", "ff02::1"})
    cases.push_back(Unanswered(
        std::string("echo6_from_") + source, "a source that is no host",
        Ethernet({}, EchoPacket({.from = ParseAddress(source), .to = kVip6, .type = kEcho6}))));
  TablesSpec tables = Scene();
  tables.services = {
      {.vip = "203.0.113.10", .ports = {{80, 80}}, .pool = "empty"},
      {.vip = "203.0.113.0/24", .ports = {{443, 443}}, .pool = "tunnel4"},
  };
  cases.push_back(
      {.name = "echo4_nested",
       .why = "an outer VIP prefix has a backend",
       .tables = tables,
       .in = Ethernet({}, EchoPacket({})),
       .reason = LB_REASON_echo_reply,
       .out = Ethernet(kTurned, EchoPacket({.from = kVip4, .to = kClient4, .type = kEchoReply4}))});
  return cases;
}

// What the sender is told, in front of the first bytes of its packet.
Bytes TooBig(const Conversation& c, uint32_t mtu, const Bytes& packet, size_t quote) {
  const bool ipv4 = IsIpv4(c.vip);
  const Bytes body(packet.begin(), packet.begin() + static_cast<long>(quote));
  return Ip({.source = c.vip,
             .destination = c.client,
             .protocol = ipv4 ? kIcmp : kIcmpv6,
             .identification = 0},
            Icmp({.source = c.vip,
                  .destination = c.client,
                  .type = uint8_t(ipv4 ? 3 : 2),
                  .code = uint8_t(ipv4 ? 4 : 0),
                  .rest = mtu,
                  .body = body}));
}

Case Told(const std::string& name, const std::string& why, const Conversation& c, size_t payload,
          uint32_t mtu, EthernetSpec ethernet = {}) {
  const Bytes packet = TcpPacket(c, {}, kTcpAck, Counting(payload));
  EthernetSpec turned = ethernet;
  std::swap(turned.destination, turned.source);
  turned.padding = 0;
  return {.name = name,
          .why = why,
          .in = Ethernet(ethernet, packet),
          .reason = LB_REASON_too_big_reply,
          .out = Ethernet(turned, TooBig(c, mtu, packet, IsIpv4(c.vip) ? 544 : 1232))};
}

std::vector<Case> TooBigCases() {
  const Conversation to4{};
  const Conversation to6{.client = kClient6, .vip = kVip6};
  const Conversation to46{.vip = ParseAddress("203.0.113.11")};
  const Conversation to64{.client = kClient6, .vip = ParseAddress("2001:db8:113::11")};
  const Conversation dsr{.vip = ParseAddress("203.0.113.12")};
  TablesSpec tiny = Scene();
  tiny.mtu = 300;
  const Bytes small = TcpPacket(to4, {}, kTcpAck, Counting(251));
  const auto dropped = [](const std::string& name, const std::string& why, const Bytes& frame) {
    return Case{.name = name, .why = why, .in = frame, .reason = LB_REASON_too_big};
  };
  std::vector<Case> cases;
  cases.push_back({.name = "exactly_mtu_ipip",
                   .why = "1,580 bytes in an outer header of 20 fit 1,600",
                   .in = Ethernet({}, TcpPacket(to4, {}, kTcpAck, Counting(1540))),
                   .out = Tunnelled({}, TcpPacket(to4, {.ttl = 63}, kTcpAck, Counting(1540)))});
  cases.push_back({.name = "exactly_mtu_6in6",
                   .why = "1,560 bytes in an outer header of 40 fit 1,600",
                   .in = Ethernet({}, TcpPacket(to6, {}, kTcpAck, Counting(1500))),
                   .out = Tunnelled(
                       {.source = kSource6, .destination = kBackend6, .flow_label = FlowLabel(to6)},
                       TcpPacket(to6, {.ttl = 63}, kTcpAck, Counting(1500)))});
  cases.push_back(Told("too_big_ipip", "one byte more: the sender learns 1,580", to4, 1541, 1580));
  cases.push_back(Told("too_big_6in6", "one byte more: the sender learns 1,560", to6, 1501, 1560));
  cases.push_back(Told("too_big_4in6", "the outer family counts", to46, 1521, 1560));
  cases.push_back(Told("too_big_6in4", "the outer family counts", to64, 1521, 1580));
  cases.push_back(Told("too_big_l2dsr", "without a tunnel the MTU itself", dsr, 1561, 1600));
  cases.push_back(
      Told("too_big_odd", "a length that is no multiple of the checksum's words", to4, 1560, 1580));
  cases.push_back(Told("too_big_tagged", "tags stay", to4, 1541, 1580, {.tags = {{.tci = 100}}}));
  cases.push_back(Told("too_big_tagged_twice6", "both tags stay", to6, 1501, 1560,
                       {.tags = {{.type = kTypeSvlan, .tci = 5}, {.tci = 100}}, .padding = 4}));
  cases.push_back({.name = "too_big_small_mtu",
                   .why = "a packet shorter than the quote may be: whole words of it",
                   .tables = tiny,
                   .in = Ethernet({}, small),
                   .reason = LB_REASON_too_big_reply,
                   .out = Ethernet(kTurned, TooBig(to4, 280, small, 288))});
  cases.push_back(
      dropped("too_big_without_df", "IPv4 without DF: nobody to tell",
              Ethernet({}, TcpPacket(to4, {.flags_offset = 0}, kTcpAck, Counting(1541)))));
  cases.push_back(dropped(
      "too_big_from_multicast", "a source that is no host",
      Ethernet({}, TcpPacket({.client = ParseAddress("224.0.0.5")}, {}, kTcpAck, Counting(1541)))));
  cases.push_back(dropped("too_big_from_unspecified6", "a source that is no host",
                          Ethernet({}, TcpPacket({.client = ParseAddress("::"), .vip = kVip6}, {},
                                                 kTcpAck, Counting(1501)))));
  cases.push_back(dropped("too_big_to_multicast_mac", "link-layer multicast",
                          Ethernet({.destination = {0x01, 0, 0x5e, 0, 0, 1}},
                                   TcpPacket(to4, {}, kTcpAck, Counting(1541)))));
  return cases;
}

}  // namespace

std::vector<Case> ReplyCases() {
  std::vector<Case> all = EchoCases();
  const std::vector<Case> too_big = TooBigCases();
  all.insert(all.end(), too_big.begin(), too_big.end());
  return all;
}

}  // namespace evenkeel::packets
