#include "control/validate/overlap.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace evenkeel {
namespace {

// The rule of matching, word by word: for one packet, who claims it at the best rank?
struct Claimants {
  std::set<std::string> best;
  std::set<std::string> beaten;
};

Claimants ClaimantsOf(const std::vector<Service>& services, const IpAddress& address, int port) {
  std::pair<int, int> best_rank{-1, -1};
  Claimants found;
  for (const Service& service : services) {
    if (!service.vip.Contains(address)) continue;
    int rank = service.ports.any ? 0 : -1;
    for (PortRange r : service.ports.ranges) {
      if (r.low <= port && port <= r.high) rank = std::max(rank, r.low == r.high ? 2 : 1);
    }
    if (rank < 0) continue;
    const std::pair<int, int> full_rank{service.vip.length(), rank};
    if (full_rank > best_rank) {
      found.beaten.merge(found.best);
      found.best.clear();
      best_rank = full_rank;
    }
    (full_rank == best_rank ? found.best : found.beaten).insert(service.name);
  }
  return found;
}

std::vector<Service> RandomServices(std::mt19937& random, int count) {
  std::vector<Service> services;
  for (int i = 0; i < count; ++i) {
    Service service{.name = "s" + std::to_string(i)};
    const int length = 29 + static_cast<int>(random() % 4);
    const IpAddress base(IpAddress::Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2,
                                          static_cast<uint8_t>(random() % 8)});
    service.vip = IpPrefix(base, length);
    service.ports.any = random() % 4 == 0;
    for (int p = service.ports.any ? 0 : 1 + random() % 2; p > 0; --p) {
      const auto low = static_cast<uint16_t>(1 + random() % 12);
      const auto high = static_cast<uint16_t>(low + (random() % 2 ? 0 : random() % 4));
      service.ports.ranges.push_back({low, high});
    }
    services.push_back(service);
  }
  return services;
}

// Against the definition, for every packet that could make a difference.
TEST(OverlapTest, FindsExactlyTheServicesThatMeet) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const std::vector<Service> services = RandomServices(random, 2 + round % 5);
    bool ambiguous = false;
    std::set<std::string> beaten;
    for (uint8_t host = 0; host < 8; ++host) {
      const IpAddress address(
          IpAddress::Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, host});
      for (int port = 1; port < 20; ++port) {
        const Claimants claimants = ClaimantsOf(services, address, port);
        ambiguous |= claimants.best.size() > 1;
        beaten.insert(claimants.beaten.begin(), claimants.beaten.end());
      }
    }
    const Overlaps overlaps = FindOverlaps(services);
    std::set<std::string> shadowed;
    for (const Shadow& shadow : overlaps.shadows) shadowed.insert(shadow.service->name);
    bool found = false;
    for (const Ambiguity& a : overlaps.ambiguities) found |= a.first != a.second;
    // What is ambiguous only where a longer prefix takes the packets anyway is reported all the
    // same.
    ASSERT_TRUE(found || !ambiguous);
    if (overlaps.ambiguities.empty()) {
      ASSERT_EQ(shadowed, beaten);
    }
  }
}

TEST(OverlapTest, KeepsProtocolsApart) {
  Service tcp{.name = "a", .vip = *IpPrefix::Parse("192.0.2.1"), .ports = {.any = true}};
  Service udp = tcp;
  udp.protocol = Protocol::kUdp;
  const std::vector<Service> services = {tcp, udp};
  EXPECT_TRUE(FindOverlaps(services).ambiguities.empty());
}

TEST(OverlapTest, ReportsAPairOnceAndManyServicesQuickly) {
  std::vector<Service> services;
  for (int i = 0; i < 4096; ++i) {
    Service service{.name = std::to_string(i), .vip = *IpPrefix::Parse("192.0.2.1")};
    service.ports.ranges = {{80, 90}, {91, 99}};
    services.push_back(service);
  }
  EXPECT_EQ(FindOverlaps(services).ambiguities.size(), 4095u);
}

}  // namespace
}  // namespace evenkeel
