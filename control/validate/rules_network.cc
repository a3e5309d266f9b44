// Addresses, families and sizes of what is sent to the backends.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/validate/active.h"
#include "control/validate/prefix_index.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

// The key of a family under network.encap_source, network.gateway, ...
std::string NetworkPath(absl::string_view key, Family family) {
  return absl::StrCat("network.", key, family == Family::kIpv4 ? ".ipv4" : ".ipv6");
}

// Bytes that reaching a backend of that family adds to a packet.
uint32_t OuterHeaderBytes(Forward forward, Family family) {
  const uint32_t ip = family == Family::kIpv4 ? 20 : 40;
  switch (forward) {
    case Forward::kIpip:
      return ip;
    case Forward::kGre:
      return ip + 4;
    case Forward::kGue:
      return ip + 8 + 4;
    case Forward::kL2dsr:
      return 0;
  }
  return ip;
}

// The first backend of the family that is reached through a tunnel.
struct Tunnelled {
  const Pool* pool = nullptr;
  const Backend* backend = nullptr;
};

Tunnelled FirstTunnelled(const Config& config, Family family) {
  for (const Pool& pool : config.pools) {
    if (pool.forward == Forward::kL2dsr) continue;
    for (const Backend& backend : pool.backends) {
      if (backend.address.family() == family) return {&pool, &backend};
    }
  }
  return {};
}

using VipIndex = PrefixIndex<const Service*>;

// Packets to an address within a VIP come back to the balancer.
void RefuseWithinVip(RuleContext& context, const VipIndex& vips, const IpPrefix& what,
                     const std::string& path, absl::string_view role) {
  vips.ForEachAround(what, [&](const IpPrefix& vip, const Service* service) {
    context.Error(
        path,
        absl::StrFormat("the %s %s is within the VIP %s of `%s` (%s)", role, what.ToString(),
                        vip.ToString(), service->name, context.LineOf(PathOf(*service))),
        "packets to it would come back to the balancer: use another address");
  });
}

void CheckGateway(RuleContext& context, const VipIndex& vips, Family family) {
  const std::optional<IpAddress>& gateway = context.config().network.gateway.of(family);
  if (!gateway) return;
  const std::string path = NetworkPath("gateway", family);
  RefuseWithinVip(context, vips, IpPrefix(*gateway), path, "gateway");
  const std::optional<IpPrefix>& source = context.config().network.encap_source.of(family);
  if (source && source->is_host() && source->Contains(*gateway)) {
    context.Error(path, absl::StrCat("the gateway ", gateway->ToString(), " is the outer source"),
                  "the balancer and its gateway are two hosts");
  } else if (source && source->Contains(*gateway)) {
    context.Warn(path,
                 absl::StrFormat("the gateway %s is within the outer source %s: some packets would "
                                 "seem to come from it",
                                 gateway->ToString(), source->ToString()),
                 "use an outer prefix that is routed to nobody else");
  }
}

void CheckEncapSource(RuleContext& context, const VipIndex& vips, Family family) {
  const std::optional<IpPrefix>& source = context.config().network.encap_source.of(family);
  if (!source) return;
  const std::string path = NetworkPath("encap_source", family);
  RefuseWithinVip(context, vips, *source, path, "outer source");
  for (const Service& service : context.config().services) {
    if (service.vip == *source || !source->Contains(service.vip)) continue;
    context.Error(path,
                  absl::StrFormat("the outer source %s contains the VIP %s of `%s`",
                                  source->ToString(), service.vip.ToString(), service.name),
                  "use a prefix of the balancer's own");
  }
}

void CheckBackendAddress(RuleContext& context, const Backend& backend, const std::string& path) {
  const Network& network = context.config().network;
  const std::string address = backend.address.ToString();
  if (network.gateway.of(backend.address.family()) == backend.address) {
    context.Error(path, absl::StrFormat("the backend %s is the gateway", address),
                  "a backend is a host of its own");
  }
  const std::optional<IpPrefix>& source = network.encap_source.of(backend.address.family());
  if (!source || !source->Contains(backend.address)) return;
  if (source->is_host()) {
    context.Error(path, absl::StrFormat("the backend %s is the outer source", address),
                  "the balancer cannot be its own backend");
  } else {
    context.Warn(
        path,
        absl::StrFormat("the backend %s is within the outer source %s: it drops packets that "
                        "seem to come from itself",
                        address, source->ToString()),
        "use an outer prefix in which no backend lies");
  }
}

void CheckLoops(RuleContext& context) {
  VipIndex vips;
  for (const Service& service : context.config().services) vips.FindOrAdd(service.vip, &service);
  for (Family family : kFamilies) {
    CheckGateway(context, vips, family);
    CheckEncapSource(context, vips, family);
  }
  for (const Pool& pool : context.config().pools) {
    for (const Backend& backend : pool.backends) {
      const std::string path = absl::StrCat(PathOf(pool, backend), ".address");
      RefuseWithinVip(context, vips, IpPrefix(backend.address), path, "backend");
      CheckBackendAddress(context, backend, path);
    }
  }
}

// Without these a packet to a backend of the family cannot be written.
void CheckTunnelFamilies(RuleContext& context) {
  const Network& network = context.config().network;
  for (Family family : kFamilies) {
    const Tunnelled user = FirstTunnelled(context.config(), family);
    if (user.backend == nullptr) continue;
    const absl::string_view key = family == Family::kIpv4 ? "ipv4" : "ipv6";
    const std::string who =
        absl::StrFormat("`%s` of pool `%s` is reached over %s", user.backend->name, user.pool->name,
                        FamilyName(family));
    if (!network.encap_source.of(family)) {
      context.Error("network.encap_source",
                    absl::StrFormat("%s, but there is no outer source of that family", who),
                    absl::StrFormat("add `encap_source: {%s: …}`, an address of this node", key));
    }
    if (!network.gateway.of(family) && !network.gateway_mac.of(family)) {
      context.Error("network.gateway",
                    absl::StrFormat("%s, but there is no gateway of that family", who),
                    absl::StrFormat("add `gateway: {%s: …}`, the next hop, or gateway_mac", key));
    }
  }
}

// Layer 2 leaves the packet alone, so the VIP's family need not be the backend's; it is rarely
// meant.
void CheckLayer2Families(RuleContext& context) {
  for (const Service& service : context.config().services) {
    const Pool* const pool = context.config().FindPool(service.pool);
    if (pool == nullptr || pool->forward != Forward::kL2dsr) continue;
    for (const Backend& backend : pool->backends) {
      if (backend.address.family() == service.vip.family()) continue;
      context.Warn(
          absl::StrCat(PathOf(service), ".pool"),
          absl::StrFormat("`%s` is an %s service, but `%s` of its l2dsr pool is known by an %s "
                          "address",
                          service.name, FamilyName(service.vip.family()), backend.name,
                          FamilyName(backend.address.family())),
          "list the backends of an l2dsr pool by addresses of the VIP's family");
      break;
    }
  }
}

// A check goes to the VIP (tunnel) or to the backend, from `source`.
void CheckHealthSources(RuleContext& context) {
  const Config& config = context.config();
  for (const Pool& pool : config.pools) {
    if (!pool.health || !pool.health->source) continue;
    const Family family = pool.health->source->family();
    const bool tunnel = pool.health->via == HealthVia::kTunnel;
    const bool fits =
        tunnel ? std::any_of(config.services.begin(), config.services.end(),
                             [&](const Service& service) {
                               return service.pool == pool.name && service.vip.family() == family;
                             })
               : std::any_of(pool.backends.begin(), pool.backends.end(),
                             [&](const Backend& b) { return b.address.family() == family; });
    if (fits) continue;
    context.Error(absl::StrCat(PathOf(pool), ".health.source"),
                  absl::StrFormat("checks come from the %s address %s, but nothing that they ask "
                                  "is of that family",
                                  FamilyName(family), pool.health->source->ToString()),
                  tunnel ? "write an address of the VIP's family"
                         : "write an address of the backends' family");
  }
}

void CheckFamiliesOfBackends(RuleContext& context) {
  CheckTunnelFamilies(context);
  CheckHealthSources(context);
  CheckLayer2Families(context);
}

void CheckMtu(RuleContext& context) {
  const Network& network = context.config().network;
  uint32_t needed = 0;
  const Pool* largest = nullptr;
  for (const Pool& pool : context.config().pools) {
    for (const Backend& backend : pool.backends) {
      const uint32_t size =
          network.client_mtu + OuterHeaderBytes(pool.forward, backend.address.family());
      if (size > needed) {
        needed = size;
        largest = &pool;
      }
    }
  }
  if (needed <= network.mtu) return;
  context.Error(
      "network.mtu",
      absl::StrFormat("packets of client_mtu %d to pool `%s` (%s) take %d bytes, the mtu "
                      "towards the backends is %d",
                      network.client_mtu, largest->name, Name(largest->forward), needed,
                      network.mtu),
      absl::StrFormat("raise the segment's MTU and `mtu:` to %d, or lower client_mtu to %d", needed,
                      network.mtu - (needed - network.client_mtu)));
}

void CheckFixedMac(RuleContext& context) {
  for (Family family : kFamilies) {
    const std::optional<MacAddress>& mac = context.config().network.gateway_mac.of(family);
    if (!mac) continue;
    const bool both = context.config().network.gateway.of(family).has_value();
    context.Warn(
        NetworkPath("gateway_mac", family),
        absl::StrCat(both ? "the gateway is not asked for its MAC" : "the next hop", ": ",
                     mac->ToString(), " is fixed and not followed when that hardware is replaced"),
        both ? "leave gateway_mac out, unless the gateway does not answer"
             : "write `gateway:` with its address instead");
  }
}

void CheckOuterSourceVaries(RuleContext& context) {
  for (Family family : kFamilies) {
    const std::optional<IpPrefix>& source = context.config().network.encap_source.of(family);
    const Tunnelled user = FirstTunnelled(context.config(), family);
    if (!source || !source->is_host() || user.backend == nullptr) continue;
    context.Warn(
        NetworkPath("encap_source", family),
        absl::StrFormat("all tunnelled packets come from %s: a backend's NIC may put them all "
                        "on one of its cores",
                        source->ToString()),
        family == Family::kIpv4
            ? "write a prefix that is routed to nobody else; the flow varies the rest"
            : "write a prefix (a /64 of its own); the flow varies the rest");
  }
}

constexpr Rule kNetworkRules[] = {
    {.id = "F26",
     .title = "a VIP, a backend, the balancer or the gateway at one address",
     .explanation =
         "What is sent to an address within a VIP comes back to the balancer, again and again. "
         "Backends, gateway and outer source lie outside all VIPs and differ from each other. An "
         "outer source prefix that holds a backend is a warning: that backend drops the packets "
         "that seem to come from itself.",
     .example = "services: {web: {vip: 203.0.113.10, …}}\n"
                "pools: {web: {backends: {b1: {address: 203.0.113.10, weight: 100}}}}\n"
                "# instead: the backend's own address",
     .check = CheckLoops},
    {.id = "F28",
     .title = "an address family that is missing or does not match",
     .explanation =
         "The outer header has the family of the backend's address, whatever the family of the "
         "VIP. "
         "For each family of backends behind a tunnel, network has an encap_source and a gateway "
         "(or "
         "gateway_mac). Values under `ipv4:` and `ipv6:` are of that family. In an l2dsr pool, "
         "backends of another family than the VIP's are a warning.",
     .example = "network: {encap_source: {ipv4: 10.0.0.10}, gateway: {ipv4: 10.0.0.1}}\n"
                "pools: {web6: {backends: {b1: {address: \"fd00::1:1\", weight: 100}}}}\n"
                "# add: encap_source: {ipv6: \"fd00::10\"}, gateway: {ipv6: \"fd00::1\"}",
     .check = CheckFamiliesOfBackends},
    {.id = "F39",
     .title = "an MTU too small for the outer header",
     .explanation =
         "A tunnel adds 20 bytes (IPv4) or 40 (IPv6). If the segment towards the backends does not "
         "carry the clients' largest packets with that, downloads work and uploads hang. Checked: "
         "client_mtu plus the largest outer header of any pool against mtu.",
     .example = "network: {mtu: 1500, client_mtu: 1500}\n# instead: mtu: 1600 (and on the segment)",
     .allow = Rule::Override::kAllowed,
     .check = CheckMtu},
    {.id = "F44",
     .title = "a next hop that is wrong or grows stale",
     .explanation =
         "All tunnelled packets go to the gateway, so a wrong one loses everything at once. A MAC "
         "address that is written down is not followed when the gateway's hardware is replaced: "
         "warned of, since an address under `gateway` is resolved and followed. A gateway that "
         "changes is said by plan.",
     .example = "network: {gateway_mac: {ipv4: \"02:00:00:00:00:01\"}}\n"
                "# instead: gateway: {ipv4: 10.0.0.1}",
     .allow = Rule::Override::kAllowed,
     .check = CheckFixedMac},
    {.id = "F46",
     .title = "one outer source for all flows",
     .explanation =
         "Backends spread packets over their cores by the outer addresses. If those are always the "
         "same two, one core of each backend gets all the traffic. With a prefix as encap_source "
         "the flow chooses the address within it.",
     .example = "encap_source: {ipv6: \"fd00::10\"}\n"
                "# instead: {ipv6: \"fd00:0:0:e::/64\"}, a prefix routed to nobody else",
     .allow = Rule::Override::kAllowed,
     .check = CheckOuterSourceVaries},
};

}  // namespace

absl::Span<const Rule> NetworkRules() { return kNetworkRules; }

}  // namespace evenkeel
