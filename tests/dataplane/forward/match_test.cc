#include "dataplane/forward/match.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

struct Wanted {
  std::string prefix;
  int length;  // of the family's bits
  Address address;
};

bool Holds(const Wanted& prefix, const Address& address) {
  const int bits = prefix.length + (IsIpv4(prefix.address) ? 96 : 0);
  if (IsIpv4(prefix.address) != IsIpv4(address)) return false;
  for (int bit = 0; bit < bits; bit++) {
    const size_t byte = static_cast<size_t>(bit / 8);
    if ((prefix.address[byte] ^ address[byte]) >> (7 - bit % 8) & 1) return false;
  }
  return true;
}

// INTERFACE's rule, by the longest way round: of all services that fit, the one with the longest
// prefix; within a prefix an exact port, then a range, then any.
int Model(const std::vector<ServiceSpec>& services, const std::vector<Wanted>& prefixes,
          const Address& address, uint8_t transport, uint16_t port) {
  int best = -1, best_rank = -1;
  for (size_t i = 0; i < services.size(); i++) {
    if (services[i].transport != transport || !Holds(prefixes[i], address)) continue;
    int port_rank = services[i].ports.empty() ? 0 : -1;
    for (const PortRange& range : services[i].ports)
      if (port >= range.low && port <= range.high) port_rank = range.low == range.high ? 2 : 1;
    if (port_rank < 0) continue;
    const int rank = prefixes[i].length * 3 + port_rank;
    if (rank > best_rank) {
      best_rank = rank;
      best = static_cast<int>(i);
    }
  }
  return best;
}

TEST(MatchTest, AgreesWithTheRuleOnRandomTables) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t bound) { return random() % bound; };
  for (int round = 0; round < 30; round++) {
    TablesSpec spec = Scene();
    spec.services.clear();
    std::vector<Wanted> prefixes;
    const auto random_address = [&](bool ipv4) {
      Address address = ParseAddress(ipv4 ? "203.0.113.0" : "2001:db8:113::");
      address[15] = static_cast<uint8_t>(below(16) * 16 + below(3));
      return address;
    };
    for (int i = 0; i < 60; i++) {
      const bool ipv4 = below(2);
      const int length = (ipv4 ? 24 : 120) + static_cast<int>(below(9));
      Address address = random_address(ipv4);
      for (int bit = length + (ipv4 ? 96 : 0); bit < 128; bit++)
        address[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
      std::string text;
      for (int part = ipv4 ? 12 : 0; part < 16; part += ipv4 ? 1 : 2) {
        char word[8];
        const size_t at = static_cast<size_t>(part);
        if (ipv4)
          std::snprintf(word, sizeof(word), "%s%d", part == 12 ? "" : ".", address[at]);
        else
          std::snprintf(word, sizeof(word), "%s%x", part == 0 ? "" : ":",
                        address[at] << 8 | address[at + 1]);
        text += word;
      }
      ServiceSpec service{.vip = text + "/" + std::to_string(length), .pool = "tunnel4"};
      service.transport = static_cast<uint8_t>(below(2));
      const Wanted wanted{service.vip, length, address};
      // Disjoint within a VIP: service i has the ports from 100 i on, and at most one takes any.
      const uint16_t base = static_cast<uint16_t>(100 * i);
      if (below(5) != 0) {
        service.ports.push_back({base, base});
        service.ports.push_back({uint16_t(base + 10), uint16_t(base + 10 + below(20) + 1)});
        service.ports.push_back({uint16_t(base + 50), uint16_t(base + 51 + below(40))});
      }
      bool taken = false;
      for (size_t k = 0; k < spec.services.size(); k++)
        taken |= service.ports.empty() && spec.services[k].ports.empty() &&
                 spec.services[k].vip == service.vip &&
                 spec.services[k].transport == service.transport;
      if (taken) continue;
      spec.services.push_back(service);
      prefixes.push_back(wanted);
    }
    const Tables tables(spec);
    for (int i = 0; i < 2000; i++) {
      const bool ipv4 = below(2);
      const Conversation c{.client = ipv4 ? kClient4 : kClient6,
                           .vip = random_address(ipv4),
                           .vip_port = static_cast<uint16_t>(below(6000))};
      const uint8_t transport = static_cast<uint8_t>(below(2));
      const Bytes frame = Ethernet({}, transport == LB_TCP ? TcpPacket(c) : UdpPacket(c));
      lb_flow flow;
      const lb_verdict verdict =
          lb_classify(&tables.view(), frame.data(), frame.data() + frame.size(), &flow);
      const int wanted = Model(spec.services, prefixes, c.vip, transport, c.vip_port);
      ASSERT_EQ(verdict == LB_FORWARD ? static_cast<int>(flow.service) : -1, wanted)
          << "round " << round << " packet " << i;
    }
  }
}

TEST(MatchTest, FindsEveryOfAThousandRanges) {
  TablesSpec spec = Scene();
  spec.services = {{.vip = "203.0.113.10", .pool = "tunnel4"}};
  for (int i = 0; i < 1000; i++)
    spec.services[0].ports.push_back({uint16_t(100 + 60 * i), uint16_t(100 + 60 * i + 30)});
  const Tables tables(spec);
  for (uint32_t port = 0; port < 65536; port++) {
    const bool wanted = port >= 100 && port < 60100 && (port - 100) % 60 <= 30;
    ASSERT_EQ(lb_match_service(&tables.view(), 0, LB_TCP, port), wanted ? 0 : LB_NONE) << port;
  }
}

}  // namespace
}  // namespace evenkeel::packets
