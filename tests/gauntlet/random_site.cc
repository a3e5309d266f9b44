#include "tests/gauntlet/random_site.h"

#include "absl/strings/str_cat.h"

namespace evenkeel {

std::string RandomSite::Text() const {
  std::string text = R"(schema: evenkeel/v1
cluster: {name: random, owned_prefixes: [203.0.113.0/24]}
network: {encap_source: {ipv4: 10.9.0.0/24}, gateway: {ipv4: 10.254.0.1}}
pools:
)";
  for (const RandomPool& pool : pools) {
    absl::StrAppend(&text, "  ", pool.name, ":\n    table: {slots: ", pool.slots,
                    ", fill: ", pool.maglev ? "maglev" : "exact", "}\n    allow_empty: true\n",
                    "    objectives: {max_share_error: 5%}\n    backends:",
                    pool.backends.empty() ? " {}\n" : "\n");
    for (const RandomBackend& b : pool.backends) {
      absl::StrAppend(
          &text, "      b", b.number, ": {address: 10.", b.number >> 16, ".", b.number >> 8 & 255,
          ".", b.number & 255, ", weight: ", b.weight,
          b.drained ? ", drain: {reason: dice, until: 2027-01-01T00:00:00Z}}\n" : "}\n");
    }
  }
  absl::StrAppend(&text, services.empty() ? "services: {}\n" : "services:\n");
  for (const RandomService& s : services) {
    absl::StrAppend(&text, "  ", s.name, ": {vip: ", s.vip, ", ports: ", s.ports,
                    ", protocol: ", s.protocol, ", pool: ", s.pool,
                    s.by_client ? ", affinity: client}\n" : "}\n");
  }
  return text;
}

RandomBackend SiteDice::DrawBackend() {
  return {.number = ++backends_, .weight = OneIn(2) ? 100 : 20 + Below(200), .drained = OneIn(12)};
}

RandomService SiteDice::DrawService(const RandomSite& site) {
  static constexpr const char* kVips[] = {"203.0.113.1",   "203.0.113.2",    "203.0.113.3",
                                          "203.0.113.9",   "203.0.113.0/29", "203.0.113.8/29",
                                          "203.0.113.0/28"};
  static constexpr const char* kPorts[] = {
      "[80]", "[443]", "[80, 443]", "[\"80-90\"]", "[\"85-443\"]", "[8443, \"1000-2000\"]", "any"};
  return {.name = absl::StrCat("s", ++services_),
          .vip = kVips[Below(std::size(kVips))],
          .ports = kPorts[Below(std::size(kPorts))],
          .protocol = OneIn(4) ? "udp" : "tcp",
          .pool = site.pools[Below(static_cast<uint32_t>(site.pools.size()))].name,
          .by_client = OneIn(10)};
}

RandomSite SiteDice::Draw() {
  RandomSite site;
  for (uint32_t i = 1 + Below(3); i > 0; --i) {
    RandomPool& pool = site.pools.emplace_back();
    pool.name = absl::StrCat("p", i);
    pool.maglev = OneIn(6);
    for (uint32_t count = 1 + Below(12); count > 0; --count) pool.backends.push_back(DrawBackend());
  }
  for (uint32_t count = 1 + Below(4); count > 0; --count)
    site.services.push_back(DrawService(site));
  return site;
}

void SiteDice::EditPool(RandomPool& pool) {
  if (pool.backends.empty() || OneIn(4)) {
    pool.backends.push_back(DrawBackend());
    return;
  }
  const uint32_t which = Below(static_cast<uint32_t>(pool.backends.size()));
  RandomBackend& backend = pool.backends[which];
  switch (Below(6)) {
    case 0:
      pool.backends.erase(pool.backends.begin() + which);
      break;
    case 1:
      backend.weight = 1 + Below(2000);
      break;
    case 2:
      backend.weight = backend.weight * (50 + Below(100)) / 100 + 1;
      break;
    case 3:
      backend.drained = !backend.drained;
      break;
    case 4:
      std::swap(backend, pool.backends[0]);
      break;
    case 5:
      if (OneIn(3)) pool.slots *= 2;
      break;
  }
}

void SiteDice::EditService(RandomSite& site) {
  if (site.services.empty() || OneIn(4)) {
    site.services.push_back(DrawService(site));
    return;
  }
  const uint32_t which = Below(static_cast<uint32_t>(site.services.size()));
  RandomService& service = site.services[which];
  const RandomService other = DrawService(site);
  switch (Below(7)) {
    case 0:
      site.services.erase(site.services.begin() + which);
      break;
    case 1:
      service.vip = other.vip;
      break;
    case 2:
      service.ports = other.ports;
      break;
    case 3:
      service.pool = other.pool;
      break;
    case 4:
      service.name = other.name;
      break;
    case 5:
      std::swap(service.vip, site.services[0].vip);
      break;
    case 6:
      service.by_client = other.by_client;
      break;
  }
}

void SiteDice::Edit(RandomSite& site) {
  for (uint32_t edits = 1 + Below(3); edits > 0; --edits) {
    if (OneIn(3)) {
      EditService(site);
    } else {
      EditPool(site.pools[Below(static_cast<uint32_t>(site.pools.size()))]);
    }
  }
}

}  // namespace evenkeel
