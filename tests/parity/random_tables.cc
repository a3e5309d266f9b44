#include "tests/parity/random_tables.h"

#include <set>
#include <string>

#include "tests/packets/builder.h"
#include "tests/packets/corpus.h"

namespace evenkeel::packets {
namespace {

bool OneIn(Random& random, unsigned n) { return random() % n == 0; }

const char* const kVips4[] = {"203.0.113.10", "203.0.113.11", "203.0.113.0/24", "203.0.113.8/29",
                              "203.0.112.0/20"};
const char* const kVips6[] = {"2001:db8:113::10", "2001:db8:113::11", "2001:db8:113::/64",
                              "2001:db8:113::/120"};

BackendSpec RandomBackend(Random& random, size_t pool, size_t place) {
  const std::string number = std::to_string(pool * 16 + place + 11);
  BackendSpec backend{.address = OneIn(random, 2) ? "10.0.1." + number : "fd00::1:" + number};
  if (OneIn(random, 4)) {
    backend.encap = LB_ENCAP_L2DSR;
    backend.mac = Mac{0x02, 0, 0, 1, static_cast<uint8_t>(pool), static_cast<uint8_t>(place)};
  }
  backend.resolved = !OneIn(random, 10);
  if (OneIn(random, 8)) backend.state = static_cast<uint8_t>(random() % 3);
  return backend;
}

void MoveSlots(Random& random, const std::string& from, BackendSpec* backend) {
  backend->moved_from = from;
  backend->open_for_s = static_cast<uint32_t>(OneIn(random, 4) ? 0 : 2 * (random() % 450));
  backend->armed_for_s = static_cast<uint32_t>(OneIn(random, 4) ? 0 : 2 * (random() % 100));
}

// `taken`: exact ports that a VIP has already, which it may have only once.
ServiceSpec RandomService(Random& random, const std::vector<PoolSpec>& pools,
                          std::set<std::string>* taken) {
  ServiceSpec service;
  service.vip = OneIn(random, 2) ? kVips4[random() % std::size(kVips4)]
                                 : kVips6[random() % std::size(kVips6)];
  service.pool = pools[random() % pools.size()].name;
  service.transport = OneIn(random, 3) ? LB_UDP : LB_TCP;
  for (uint64_t i = random() % 4; i > 0; --i) {
    const uint16_t low = static_cast<uint16_t>(OneIn(random, 2) ? 80 : random() % 1000);
    const uint16_t high = static_cast<uint16_t>(OneIn(random, 2) ? low : low + random() % 1000);
    const std::string name =
        service.vip + " " + std::to_string(service.transport) + " " + std::to_string(low);
    if (low == high && !taken->insert(name).second) continue;
    service.ports.push_back({low, high});
  }
  service.affinity = OneIn(random, 4) ? LB_AFFINITY_CLIENT : LB_AFFINITY_FLOW;
  if (OneIn(random, 4)) {
    service.former = FormerSpec{
        .pool = pools[random() % pools.size()].name,
        .affinity = static_cast<uint8_t>(OneIn(random, 3) ? LB_AFFINITY_CLIENT : LB_AFFINITY_FLOW),
        .for_s = static_cast<uint32_t>(2 * (random() % 300))};
  }
  return service;
}

// Mostly one of a few, so that flows go on.
Address RandomClient(Random& random, bool ipv4) {
  Address address = ParseAddress(ipv4 ? "198.51.100.0" : "2001:db8:100::");
  if (!OneIn(random, 4)) {
    address[15] = static_cast<uint8_t>(random() % 2);
    return address;
  }
  for (size_t i = ipv4 ? 14 : 8; i < 16; ++i) address[i] = static_cast<uint8_t>(random());
  return address;
}

// An address that the prefix holds, or nearly.
Address AddressUnder(const std::string& vip, Random& random) {
  Address address = ParseAddress(vip.substr(0, vip.find('/')));
  if (vip.find('/') != std::string::npos || OneIn(random, 16)) {
    address[15] = static_cast<uint8_t>(random());
  }
  return address;
}

void Mutate(Bytes& frame, Random& random) {
  for (uint64_t i = random() % 4; i > 0 && !frame.empty(); --i) {
    frame[random() % std::min<size_t>(frame.size(), 90)] = static_cast<uint8_t>(random());
  }
  if (OneIn(random, 6)) frame.resize(14 + random() % (frame.size() + 1));
  if (OneIn(random, 8)) frame.resize(frame.size() + random() % 64);
}

}  // namespace

TablesSpec RandomTables(Random& random) {
  TablesSpec spec;
  for (uint8_t& byte : spec.key) byte = static_cast<uint8_t>(random());
  if (OneIn(random, 3)) spec.encap_source4 = "10.0.0.0/24";
  if (OneIn(random, 3)) spec.encap_source6 = "fd00::/64";
  if (OneIn(random, 10)) spec.encap_source4 = "";
  if (OneIn(random, 10)) spec.encap_source6 = "";
  spec.mtu = static_cast<uint16_t>(OneIn(random, 3) ? 1280 + random() % 300 : 1600);
  spec.client_mtu = static_cast<uint16_t>(OneIn(random, 3) ? 1280 + random() % 300 : 1500);
  spec.vlan = static_cast<uint16_t>(OneIn(random, 3) ? 1 + random() % 4094 : 0);
  for (size_t i = 0; i < 1 + random() % 4; ++i) {
    PoolSpec pool{.name = "pool" + std::to_string(i), .backends = {}};
    if (!OneIn(random, 8)) {
      for (size_t place = 0; place < 1 + random() % 6; ++place) {
        pool.backends.push_back(RandomBackend(random, i, place));
      }
    }
    for (size_t place = 1; place < pool.backends.size(); ++place) {
      if (OneIn(random, 2))
        MoveSlots(random, pool.backends[place - 1].address, &pool.backends[place]);
      if (place > 1 && OneIn(random, 6)) pool.backends[place].owns_slots = false;
    }
    if (OneIn(random, 3)) pool.idle_s = OneIn(random, 2) ? 60 : LB_IDLE_S_MAX;
    pool.slots_log2 = LB_SLOTS_LOG2_MIN + static_cast<uint32_t>(random() % 2);
    spec.pools.push_back(std::move(pool));
  }
  std::set<std::string> taken;
  for (size_t i = 0; i < 1 + random() % 12; ++i) {
    spec.services.push_back(RandomService(random, spec.pools, &taken));
  }
  return spec;
}

RandomFrames::RandomFrames() {
  for (const Case& c : Corpus()) {
    if (c.in.size() >= 14) corpus_.push_back(c.in);
  }
}

Bytes RandomFrames::ToService(const TablesSpec& tables, Random& random) {
  const ServiceSpec& service = tables.services[random() % tables.services.size()];
  const Address vip = AddressUnder(service.vip, random);
  const Address client = RandomClient(random, IsIpv4(vip));
  TransportSpec transport{.source = client, .destination = vip};
  transport.source_port = static_cast<uint16_t>(OneIn(random, 4) ? random() : random() % 2);
  transport.sequence = static_cast<uint32_t>(random() % 3) << 22;
  transport.destination_port = static_cast<uint16_t>(random() % 2000);
  if (!service.ports.empty() && !OneIn(random, 4)) {
    const PortRange& ports = service.ports[random() % service.ports.size()];
    transport.destination_port =
        static_cast<uint16_t>(ports.low + random() % (ports.high - ports.low + 1u));
  }
  const uint8_t flags[] = {kTcpSyn, kTcpAck, kTcpAck | kTcpFin, kTcpRst};
  transport.flags = OneIn(random, 6) ? static_cast<uint8_t>(random()) : flags[random() % 4];
  transport.payload = Counting(OneIn(random, 8) ? 1100 + random() % 450 : random() % 64);
  IpSpec ip{.source = client, .destination = vip};
  const bool is_tcp = OneIn(random, 8) ? OneIn(random, 2) : service.transport == LB_TCP;
  ip.protocol = is_tcp ? kTcp : kUdp;
  ip.ttl = static_cast<uint8_t>(OneIn(random, 8) ? random() % 4 : 64);
  ip.tos = static_cast<uint8_t>(random());
  if (OneIn(random, 4)) ip.flags_offset = 0;
  Bytes packet = Ip(ip, is_tcp ? Tcp(transport) : Udp(transport));
  if (OneIn(random, 8)) {
    // An error about what a backend answered, or an echo.
    IcmpSpec icmp{.source = client, .destination = vip};
    if (OneIn(random, 2)) {
      std::swap(transport.source, transport.destination);
      std::swap(transport.source_port, transport.destination_port);
      std::swap(ip.source, ip.destination);
      icmp.type = IsIpv4(vip) ? 3 : 2;
      icmp.code = IsIpv4(vip) ? 4 : 0;
      icmp.rest = 1400;
      icmp.body = Ip(ip, is_tcp ? Tcp(transport) : Udp(transport));
      if (icmp.body.size() > 300) icmp.body.resize(300);
    } else {
      icmp.type = IsIpv4(vip) ? 8 : 128;
      icmp.body = Counting(random() % 100);
    }
    IpSpec outer{.source = client, .destination = vip};
    outer.protocol = IsIpv4(vip) ? kIcmp : kIcmpv6;
    packet = Ip(outer, Icmp(icmp));
  }
  EthernetSpec ethernet;
  for (uint64_t tags = OneIn(random, 3) ? random() % 4 : 0; tags > 0; --tags) {
    ethernet.tags.push_back(
        {OneIn(random, 2) ? kTypeVlan : kTypeSvlan, static_cast<uint16_t>(random())});
  }
  ethernet.padding = OneIn(random, 4) ? random() % 40 : 0;
  return Ethernet(ethernet, packet);
}

Bytes RandomFrames::Next(const TablesSpec& tables, Random& random) {
  Bytes frame = OneIn(random, 4) ? corpus_[random() % corpus_.size()] : ToService(tables, random);
  if (OneIn(random, 2)) Mutate(frame, random);
  if (OneIn(random, 64)) {
    for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random());
  }
  if (frame.size() < 14) frame.resize(14);
  return frame;
}

}  // namespace evenkeel::packets
