#include "control/plan/facts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel {
namespace {

// Writes below one path.
class Writer {
 public:
  Writer(Facts& facts, std::string path) : facts_(facts), path_(std::move(path)) {}

  Writer At(absl::string_view key) const { return Writer(facts_, Path(key)); }

  void Set(absl::string_view key, absl::string_view value) const {
    facts_[Path(key)] = absl::CEscape(value);
  }
  void Set(absl::string_view key, uint64_t value) const { facts_[Path(key)] = absl::StrCat(value); }
  void Set(absl::string_view key, absl::Duration value) const {
    facts_[Path(key)] = absl::StrCat(absl::ToInt64Milliseconds(value), "ms");
  }
  void Set(absl::string_view key, absl::Time value) const {
    facts_[Path(key)] = absl::FormatTime(absl::RFC3339_full, value, absl::UTCTimeZone());
  }
  // A set: the order in the file means nothing.
  void Set(absl::string_view key, std::vector<std::string> values) const {
    std::sort(values.begin(), values.end());
    facts_[Path(key)] = absl::CEscape(absl::StrJoin(values, ", "));
  }
  template <typename T>
  void Set(absl::string_view key, const PerFamily<T>& value) const {
    if (value.ipv4) Set(absl::StrCat(key, ".ipv4"), value.ipv4->ToString());
    if (value.ipv6) Set(absl::StrCat(key, ".ipv6"), value.ipv6->ToString());
  }

 private:
  std::string Path(absl::string_view key) const {
    return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
  }

  Facts& facts_;
  const std::string path_;
};

absl::string_view KindName(HealthKind kind) {
  switch (kind) {
    case HealthKind::kTcp:
      return "tcp";
    case HealthKind::kHttp:
      return "http";
    case HealthKind::kHttps:
      return "https";
    case HealthKind::kUdp:
      return "udp";
    case HealthKind::kIcmp:
      return "icmp";
  }
  return "";
}

void Write(const Health& health, const Writer& out) {
  out.Set("kind", KindName(health.kind));
  out.Set("port", health.port);
  out.Set("path", health.path);
  out.Set("host", health.host);
  out.Set("status", health.status);
  out.Set("send", health.send);
  out.Set("expect", health.expect);
  out.Set("interval", health.interval);
  out.Set("timeout", health.timeout);
  out.Set("rise", health.rise);
  out.Set("fall", health.fall);
  out.Set("via", health.via == HealthVia::kTunnel ? "tunnel" : "direct");
  if (health.source) out.Set("source", health.source->ToString());
  out.Set("note", health.note);
}

void Write(const Backend& backend, const Writer& out) {
  out.Set("address", backend.address.ToString());
  out.Set("weight", backend.weight);
  if (backend.capacity) out.Set("capacity", *backend.capacity);
  out.Set("host", backend.host);
  out.Set("tags", backend.tags);
  if (!backend.drain) return;
  out.Set("drain.reason", backend.drain->reason);
  out.Set("drain.until", backend.drain->until);
}

void Write(const Pool& pool, const Writer& out) {
  out.Set("forward", Name(pool.forward));
  out.Set("table.slots", pool.table.slots);
  out.Set("table.fill", Name(pool.table.fill));
  if (pool.health) Write(*pool.health, out.At("health"));
  out.Set("objectives.max_share_error", pool.objectives.max_share_error_percent);
  out.Set("objectives.min_healthy", pool.objectives.min_healthy_percent);
  out.Set("objectives.survive_failures", pool.objectives.survive_failures);
  out.Set("idle", pool.idle);
  out.Set("hold", pool.hold);
  out.Set("drain", pool.drain);
  out.Set("slow_start", pool.slow_start);
  out.Set("allow_empty", pool.allow_empty ? "true" : "false");
  for (const Backend& backend : pool.backends) {
    Write(backend, out.At(absl::StrCat("backends.", backend.name)));
  }
}

void Write(const Service& service, const Writer& out) {
  std::vector<std::string> ports;
  for (const PortRange& range : service.ports.ranges) {
    ports.push_back(absl::StrCat(range.low, "-", range.high));
  }
  if (service.ports.any) ports.push_back("any");
  out.Set("vip", service.vip.ToString());
  out.Set("ports", ports);
  out.Set("protocol", Name(service.protocol));
  out.Set("pool", service.pool);
  out.Set("affinity", Name(service.affinity));
  out.Set("fragments", Name(service.fragments));
  out.Set("tags", service.tags);
}

void Write(const Safety& safety, const Writer& out) {
  out.Set("confirm_within", safety.confirm_within);
  out.Set("blast_radius.weight_lost", safety.blast_radius.weight_lost_percent);
  out.Set("blast_radius.slots_moved", safety.blast_radius.slots_moved_percent);
  out.Set("blast_radius.services", safety.blast_radius.services);
  out.Set("weight_ratio", safety.weight_ratio);
  out.Set("audit_every", safety.audit_every);
  for (const Allow& allow : safety.allow) {
    const Writer at = out.At(absl::StrCat("allow.", allow.rule, "@", allow.at));
    at.Set("reason", allow.reason);
    at.Set("until", allow.until);
  }
}

}  // namespace

Facts FactsOf(const Config& config) {
  Facts facts;
  const Writer out(facts, "");
  out.Set("schema", config.schema);
  out.Set("cluster.name", config.cluster.name);
  out.Set("cluster.key_file", config.cluster.key_file);
  std::vector<std::string> owned;
  for (const IpPrefix& prefix : config.cluster.owned_prefixes) owned.push_back(prefix.ToString());
  out.Set("cluster.owned_prefixes", owned);
  out.Set("network.encap_source", config.network.encap_source);
  out.Set("network.gateway", config.network.gateway);
  out.Set("network.gateway_mac", config.network.gateway_mac);
  out.Set("network.mtu", config.network.mtu);
  out.Set("network.client_mtu", config.network.client_mtu);
  out.Set("network.vlan", config.network.vlan);
  for (const Pool& pool : config.pools) Write(pool, out.At(PathOf(pool)));
  for (const Service& service : config.services) Write(service, out.At(PathOf(service)));
  Write(config.safety, out.At("safety"));
  return facts;
}

Digest ContentDigest(const Config& config) {
  std::string text;
  for (const auto& [path, value] : FactsOf(config))
    absl::StrAppend(&text, path, " = ", value, "\n");
  return Sha256(text);
}

}  // namespace evenkeel
