#include "tests/packets/scene.h"

namespace evenkeel::packets {

TablesSpec Scene() {
  TablesSpec spec;
  spec.pools = {
      {.name = "tunnel4", .backends = {{.address = "10.0.1.11"}}},
      {.name = "tunnel6", .backends = {{.address = "fd00::1:1"}}},
      {.name = "dsr4",
       .backends = {{.address = "10.0.1.21", .encap = LB_ENCAP_L2DSR, .mac = kDsr4Mac}}},
      {.name = "dsr6",
       .backends = {{.address = "fd00::1:21", .encap = LB_ENCAP_L2DSR, .mac = kDsr6Mac}}},
      {.name = "empty"},
      {.name = "unresolved", .backends = {{.address = "10.0.1.31", .resolved = false}}},
  };
  spec.services = {
      {.vip = "203.0.113.10", .ports = {{80, 80}}, .pool = "tunnel4"},
      {.vip = "203.0.113.10", .ports = {{8000, 8099}}, .pool = "tunnel4"},
      {.vip = "203.0.113.10",
       .ports = {{53, 53}, {443, 443}},
       .pool = "tunnel4",
       .transport = LB_UDP},
      {.vip = "203.0.113.11", .ports = {{80, 80}}, .pool = "tunnel6"},
      {.vip = "203.0.113.12", .ports = {{80, 80}}, .pool = "dsr4"},
      {.vip = "203.0.113.13", .ports = {}, .pool = "tunnel4"},
      {.vip = "203.0.113.14", .ports = {{80, 80}}, .pool = "empty"},
      {.vip = "203.0.113.15", .ports = {{80, 80}}, .pool = "unresolved"},
      {.vip = "203.0.113.16",
       .ports = {{80, 80}},
       .pool = "tunnel4",
       .affinity = LB_AFFINITY_CLIENT},
      {.vip = "203.0.113.128/25", .ports = {{80, 80}}, .pool = "tunnel4"},
      {.vip = "2001:db8:113::10", .ports = {{80, 80}}, .pool = "tunnel6"},
      {.vip = "2001:db8:113::10", .ports = {{8000, 8099}}, .pool = "tunnel6"},
      {.vip = "2001:db8:113::10",
       .ports = {{53, 53}, {443, 443}},
       .pool = "tunnel6",
       .transport = LB_UDP},
      {.vip = "2001:db8:113::11", .ports = {{80, 80}}, .pool = "tunnel4"},
      {.vip = "2001:db8:113::12", .ports = {{80, 80}}, .pool = "dsr6"},
      {.vip = "2001:db8:113::13", .ports = {}, .pool = "tunnel6"},
      {.vip = "2001:db8:113::14", .ports = {{80, 80}}, .pool = "empty"},
      {.vip = "2001:db8:113::15", .ports = {{80, 80}}, .pool = "unresolved"},
      {.vip = "2001:db8:113::16",
       .ports = {{80, 80}},
       .pool = "tunnel6",
       .affinity = LB_AFFINITY_CLIENT},
      {.vip = "2001:db8:113::8000/113", .ports = {{80, 80}}, .pool = "tunnel6"},
  };
  return spec;
}

TablesSpec WideScene() {
  TablesSpec spec = Scene();
  for (PoolSpec& pool : spec.pools) {
    const std::string prefix = pool.name == "tunnel4" ? "10.0.1." : "fd00::1:";
    if (pool.name.substr(0, 6) != "tunnel") continue;
    for (const char* host : {"12", "13"}) pool.backends.push_back({.address = prefix + host});
  }
  return spec;
}

Bytes TcpPacket(const Conversation& c, IpSpec ip, uint8_t flags, const Bytes& payload) {
  ip.source = c.client;
  ip.destination = c.vip;
  return Ip(ip, Tcp({.source = c.client,
                     .destination = c.vip,
                     .source_port = c.client_port,
                     .destination_port = c.vip_port,
                     .flags = flags,
                     .payload = payload}));
}

Bytes UdpPacket(const Conversation& c, IpSpec ip, const Bytes& payload) {
  ip.source = c.client;
  ip.destination = c.vip;
  ip.protocol = kUdp;
  return Ip(ip, Udp({.source = c.client,
                     .destination = c.vip,
                     .source_port = c.client_port,
                     .destination_port = c.vip_port,
                     .payload = payload}));
}

uint32_t FlowLabel(const Conversation& c, uint8_t protocol, bool client_only) {
  const uint64_t hash = ReferenceSipHash13(
      TablesSpec{}.key,
      FlowKeyBytes(c.client, c.vip, c.client_port, c.vip_port, protocol, client_only));
  return static_cast<uint32_t>(hash >> 32) & 0xfffff;
}

Bytes Tunnelled(const TunnelSpec& spec, const Bytes& inner) {
  const bool ipv4 = IsIpv4(spec.source);
  const uint8_t protocol = inner[0] >> 4 == 4 ? kIpip : kIpv6InIp;
  return Ethernet(
      {.destination = ipv4 ? kGateway4Mac : kGateway6Mac, .source = kPortMac, .tags = spec.tags},
      Ip({.source = spec.source,
          .destination = spec.destination,
          .protocol = protocol,
          .ttl = 64,
          .tos = spec.tos,
          .flow_label = spec.flow_label,
          .identification = 0,
          .flags_offset = kDontFragment},
         inner));
}

}  // namespace evenkeel::packets
