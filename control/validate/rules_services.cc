// VIPs, matching, and what flows hash to.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/validate/active.h"
#include "control/validate/overlap.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

bool HasTag(const Service& service, absl::string_view tag) {
  return std::find(service.tags.begin(), service.tags.end(), tag) != service.tags.end();
}

std::string Written(PortRange ports) {
  if (ports.low == 0 && ports.high == 65535) return "any port";
  return ports.low == ports.high ? absl::StrCat("port ", ports.low)
                                 : absl::StrCat("ports ", ports.low, "-", ports.high);
}

void CheckOverlaps(RuleContext& context) {
  const Overlaps overlaps = FindOverlaps(context.config().services);
  for (const Ambiguity& twice : overlaps.ambiguities) {
    std::string path = absl::StrCat(PathOf(*twice.second), ".ports");
    if (!twice.second->ports.any) absl::StrAppend(&path, "[", twice.port_index, "]");
    if (twice.first == twice.second) {
      context.Warn(path, absl::StrCat(Written(twice.ports), " is listed twice"), "list it once");
      continue;
    }
    context.Error(
        path,
        absl::StrFormat("`%s` and `%s` (%s) both claim %s/%s of %s, at the same rank",
                        twice.second->name, twice.first->name, context.LineOf(PathOf(*twice.first)),
                        Written(twice.ports), Name(twice.first->protocol),
                        twice.first->vip.ToString()),
        "give the ports to one of them: a single port wins over a range, a range over any");
  }
  for (const Shadow& shadow : overlaps.shadows) {
    const std::string more =
        shadow.others == 0 ? "" : absl::StrFormat(" (and %d more services)", shadow.others);
    context.Warn(
        absl::StrCat(PathOf(*shadow.service), ".ports"),
        absl::StrFormat("`%s` does not get %s of %s: `%s`%s is more specific", shadow.service->name,
                        Written(shadow.ports), shadow.by->vip.ToString(), shadow.by->name, more),
        "fine if it is meant; else narrow one of the two");
  }
}

bool ServesUdp(const std::vector<Service>& services, const IpPrefix& vip, PortRange ports) {
  return std::any_of(services.begin(), services.end(), [&](const Service& service) {
    if (service.protocol != Protocol::kUdp || !service.vip.Contains(vip)) return false;
    const std::vector<PortRange>& ranges = service.ports.ranges;
    return service.ports.any || std::any_of(ranges.begin(), ranges.end(), [ports](PortRange r) {
             return r.low <= ports.low && ports.high <= r.high;
           });
  });
}

void CheckQuic(RuleContext& context) {
  for (const Service& service : context.config().services) {
    if (service.protocol != Protocol::kTcp || !HasTag(service, "quic")) continue;
    std::vector<PortRange> claims = service.ports.ranges;
    if (service.ports.any) claims.push_back({0, 65535});
    for (const PortRange& ports : claims) {
      if (ServesUdp(context.config().services, service.vip, ports)) continue;
      context.Warn(absl::StrCat(PathOf(service), ".protocol"),
                   absl::StrFormat("`%s` is tagged quic, but no udp service has %s of %s",
                                   service.name, Written(ports), service.vip.ToString()),
                   "add the same service with `protocol: udp`, or remove the tag");
      break;
    }
  }
}

void CheckOwned(RuleContext& context) {
  const std::vector<IpPrefix>& owned = context.config().cluster.owned_prefixes;
  for (const Service& service : context.config().services) {
    const std::string path = absl::StrCat(PathOf(service), ".vip");
    const auto contains_vip = [&](const IpPrefix& p) { return p.Contains(service.vip); };
    if (owned.empty() && !service.vip.is_host()) {
      context.Error(path,
                    absl::StrFormat("the VIP %s is a prefix, but no prefixes are owned",
                                    service.vip.ToString()),
                    "list what the cluster announces in cluster.owned_prefixes");
    } else if (!owned.empty() && std::none_of(owned.begin(), owned.end(), contains_vip) &&
               std::none_of(owned.begin(), owned.end(), [&](const IpPrefix& p) {
                 return service.vip.Contains(p);  // F29 speaks
               })) {
      context.Error(
          path,
          absl::StrFormat("the VIP %s is outside cluster.owned_prefixes (%s)",
                          service.vip.ToString(), context.LineOf("cluster.owned_prefixes")),
          "mend the address, or add its prefix if the cluster announces it");
    }
  }
  if (owned.empty() && !context.config().services.empty()) {
    context.Warn("cluster.owned_prefixes",
                 "no prefixes are owned: a VIP that is not ours could not be told",
                 "list what the cluster announces: owned_prefixes: [203.0.113.0/24]");
  }
}

// Shorter than anybody owns: such a list would let every slip pass.
bool IsTooBroad(const IpPrefix& prefix) {
  return prefix.length() < (prefix.family() == Family::kIpv4 ? 8 : 16);
}

void CheckPrefixLength(RuleContext& context) {
  const std::vector<IpPrefix>& all_owned = context.config().cluster.owned_prefixes;
  for (size_t i = 0; i < all_owned.size(); ++i) {
    if (!IsTooBroad(all_owned[i])) continue;
    context.Warn(absl::StrCat("cluster.owned_prefixes[", i, "]"),
                 absl::StrFormat("%s is owned by nobody: with it no VIP could be told from a slip",
                                 all_owned[i].ToString()),
                 "list the prefixes that the cluster announces, as in 203.0.113.0/24");
  }
  for (const Service& service : context.config().services) {
    for (const IpPrefix& owned : context.config().cluster.owned_prefixes) {
      if (service.vip == owned || !service.vip.Contains(owned)) continue;
      context.Error(
          absl::StrCat(PathOf(service), ".vip"),
          absl::StrFormat("the VIP %s is larger than the owned prefix %s", service.vip.ToString(),
                          owned.ToString()),
          absl::StrFormat("a slip in the prefix length? it is /%d or longer", owned.length()));
      break;
    }
  }
}

// Services of one protocol and ports, one for each family: `http4` and `http6`.
struct Twins {
  std::vector<const Service*> ipv4, ipv6;
};

std::map<std::string, Twins> FindTwins(const Config& config) {
  std::map<std::string, Twins> twins;
  for (const Service& service : config.services) {
    Twins& pair = twins[absl::StrCat(Name(service.protocol), " ", ToString(service.ports))];
    (service.vip.family() == Family::kIpv4 ? pair.ipv4 : pair.ipv6).push_back(&service);
  }
  return twins;
}

bool IsDualStack(const Config& config) {
  const auto is_ipv6 = [](const IpPrefix& prefix) { return prefix.family() == Family::kIpv6; };
  const std::vector<IpPrefix>& owned = config.cluster.owned_prefixes;
  return std::any_of(owned.begin(), owned.end(), is_ipv6) ||
         std::any_of(config.services.begin(), config.services.end(),
                     [&](const Service& service) { return is_ipv6(service.vip); });
}

// The first backend in which two pools differ, in words; empty if they agree.
std::string DifferenceOf(const Pool& a, const Pool& b) {
  std::map<std::string, uint32_t> weights;
  for (const Backend& backend : b.backends) weights[backend.name] = backend.effective_weight();
  for (const Backend& backend : a.backends) {
    const auto found = weights.find(backend.name);
    if (found == weights.end()) return absl::StrCat("`", backend.name, "` is missing");
    if (found->second != backend.effective_weight()) {
      return absl::StrFormat("`%s` weighs %d, not %d", backend.name, found->second,
                             backend.effective_weight());
    }
    weights.erase(found);
  }
  return weights.empty() ? "" : absl::StrCat("`", weights.begin()->first, "` is added");
}

void CheckFamilies(RuleContext& context) {
  const Config& config = context.config();
  if (!IsDualStack(config)) return;
  std::map<const Pool*, const Pool*> compared;
  for (const auto& [what, twins] : FindTwins(config)) {
    for (const Service* service : twins.ipv6.empty() ? twins.ipv4 : std::vector<const Service*>()) {
      if (HasTag(*service, "ipv4-only")) continue;
      context.Warn(PathOf(*service),
                   absl::StrFormat("`%s` (%s) has no IPv6 counterpart", service->name, what),
                   "add the service for IPv6 too, or tag this one `ipv4-only`");
    }
    if (twins.ipv4.size() != 1 || twins.ipv6.size() != 1) continue;
    const Pool* const ipv4 = config.FindPool(twins.ipv4[0]->pool);
    const Pool* const ipv6 = config.FindPool(twins.ipv6[0]->pool);
    if (ipv4 == nullptr || ipv6 == nullptr || ipv4 == ipv6) continue;
    if (!compared.emplace(ipv4, ipv6).second) continue;
    const std::string difference = DifferenceOf(*ipv4, *ipv6);
    if (difference.empty()) continue;
    context.Warn(absl::StrCat(PathOf(*ipv6), ".backends"),
                 absl::StrFormat("pools `%s` and `%s` serve the two families of %s but differ: in "
                                 "`%s` %s",
                                 ipv4->name, ipv6->name, what, ipv6->name, difference),
                 "fine if it is meant; else make the same change in both");
  }
}

void CheckAffinity(RuleContext& context) {
  for (const Service& service : context.config().services) {
    if (service.affinity != Affinity::kClient) continue;
    context.Warn(
        absl::StrCat(PathOf(service), ".affinity"),
        absl::StrFormat("all flows of one client address go to one backend: `%s` is uneven "
                        "where many users share an address (proxies, carrier NAT)",
                        service.name),
        "use `affinity: flow` unless the application needs it");
  }
}

void CheckFragments(RuleContext& context) {
  for (const Service& service : context.config().services) {
    if (IsBuilt(service.fragments)) continue;
    context.Error(absl::StrCat(PathOf(service), ".fragments"),
                  absl::StrFormat("this build cannot do `fragments: %s`", Name(service.fragments)),
                  "write `fragments: drop`: they are then counted for each service");
  }
}

constexpr Rule kServiceRules[] = {
    {.id = "F21",
     .title = "services that claim the same packets",
     .explanation =
         "A packet goes to the service with the longest VIP prefix that fits, within it to a "
         "single "
         "port before a range before any. Two services of equal rank are ambiguous (error). A "
         "service that loses some of its ports to a more specific one is a warning.",
     .example = "a: {vip: 203.0.113.10, ports: [\"8000-8099\"], protocol: tcp, …}\n"
                "b: {vip: 203.0.113.10, ports: [\"8050-8060\"], protocol: tcp, …}\n"
                "# instead: a: ports: [\"8000-8049\", \"8061-8099\"]",
     .allow = Rule::Override::kRefused,
     .check = CheckOverlaps},
    {.id = "F23",
     .title = "a QUIC service without its UDP half",
     .explanation =
         "Browsers that are told of HTTP/3 try UDP on the same port and wait when nobody answers. "
         "A "
         "tcp service with the tag `quic` needs a udp service on the same VIP and ports.",
     .example = "web: {vip: 203.0.113.10, ports: [443], protocol: tcp, tags: [quic], …}\n"
                "# add:\n"
                "web-quic: {vip: 203.0.113.10, ports: [443], protocol: udp, …}",
     .allow = Rule::Override::kAllowed,
     .check = CheckQuic},
    {.id = "F24",
     .title = "a VIP outside the owned prefixes",
     .explanation = "A slip in a VIP's address gives a service that nobody can reach, or takes an "
                    "address that "
                    "belongs to somebody else. Every VIP lies within cluster.owned_prefixes; "
                    "without that list "
                    "VIPs are single addresses, and a warning says that they cannot be judged.",
     .example = "cluster: {owned_prefixes: [203.0.113.0/24]}\n"
                "services: {web: {vip: 203.0.131.10, …}}\n"
                "# instead: vip: 203.0.113.10",
     .check = CheckOwned},
    {.id = "F27",
     .title = "IPv6 left out",
     .explanation =
         "On a dual-stack cluster a change of IPv4 alone is easily forgotten for IPv6. Warned "
         "where "
         "an IPv4 service has no IPv6 service of the same protocol and ports, and where the pools "
         "of "
         "such a pair differ in backends or weights (by name). The tag `ipv4-only` says that a "
         "service is meant to be alone.",
     .example = "http4: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web4}\n"
                "# add:\n"
                "http6: {vip: \"2001:db8:113::10\", ports: [80], protocol: tcp, pool: web6}",
     .allow = Rule::Override::kAllowed,
     .check = CheckFamilies},
    {.id = "F29",
     .title = "a slip in a prefix length",
     .explanation =
         "203.0.113.16/8 is neither a network nor one address, and a VIP of /8 where /28 was meant "
         "would take the neighbours' traffic. Refused: bits beyond the length of any prefix, and a "
         "VIP that is larger than an owned prefix. Warned of: an owned prefix that is shorter than "
         "anybody's (/8, for IPv6 /16).",
     .example = "vip: 203.0.0.0/8\n# instead: vip: 203.0.113.16/28",
     .check = CheckPrefixLength},
    {.id = "F30",
     .title = "flows are spread by client address alone",
     .explanation =
         "With `affinity: client` one address, however many users are behind it, is one backend's. "
         "Behind a proxy or carrier NAT a few addresses carry most flows, and shares are uneven "
         "with every table.",
     .example = "web: {affinity: client, …}\n# instead: affinity: flow",
     .allow = Rule::Override::kAllowed,
     .check = CheckAffinity},
    {.id = "F31",
     .title = "a hash without ports in front of few clients",
     .explanation =
         "Where a proxy tier stands in front, there are only as many client addresses as proxies, "
         "and a hash of the address alone (`affinity: client`) can use no more backends than that. "
         "Reported as F30, which is the same key.",
     .example = "web: {affinity: client, …}\n# instead: affinity: flow"},
    {.id = "F48",
     .title = "fragments that the build cannot follow",
     .explanation =
         "Only the first fragment of a packet has ports. The default is to drop fragments and "
         "count "
         "them for each service; a value that this build cannot honour is refused, never replaced.",
     .example = "dns: {fragments: first, …}\n# instead: fragments: drop",
     .check = CheckFragments},
};

}  // namespace

absl::Span<const Rule> ServiceRules() { return kServiceRules; }

}  // namespace evenkeel
