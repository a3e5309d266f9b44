#include "control/config/schema_v1.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/config/literals.h"
#include "control/config/readers.h"
#include "dataplane/table/fill.h"

namespace evenkeel::decoding {
namespace {

constexpr uint32_t kIntegerMax = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kPortMax = 65535;
constexpr uint32_t kVlanMax = 4094;
constexpr uint32_t kCapacityMax = 1'000'000'000;
// RFC 8200: every IPv6 link carries 1,280 bytes; IPv4 alone could do with less, but no Ethernet
// does.
constexpr uint32_t kMtuMin = 1280;
constexpr uint32_t kMtuMax = 9216;
constexpr absl::Duration kDay = absl::Hours(24);

bool ReadSchemaVersion(const Value& value, std::string& out) {
  if (!value.is_scalar()) return value.FailType(kSchemaV1, "write `schema: evenkeel/v1`");
  out = value.node().text;
  return out == kSchemaV1 ||
         value.Fail("F58", absl::StrCat("the schema ", Quoted(out), " is not known to this build"),
                    "this build reads `evenkeel/v1`; another schema needs another version");
}

// `none`, or a tag.
bool ReadVlan(const Value& value, uint32_t& out) {
  if (value.is_scalar() && value.node().text == "none") {
    out = 0;
    return true;
  }
  return Integer(1, kVlanMax)(value, out);
}

// One element of `ports:`: 443, or "8000-8099".
bool ReadPortRange(const Value& value, PortRange& out) {
  const absl::string_view text = value.node().text;
  const size_t dash = value.is_scalar() ? text.find('-') : absl::string_view::npos;
  if (dash == absl::string_view::npos || dash == 0) {
    uint32_t port = 0;
    if (!Integer(1, kPortMax)(value, port)) return false;
    out = PortRange{static_cast<uint16_t>(port), static_cast<uint16_t>(port)};
    return true;
  }
  const std::optional<uint64_t> low = ParseNumber(text.substr(0, dash));
  const std::optional<uint64_t> high = ParseNumber(text.substr(dash + 1));
  if (!low || !high || *low < 1 || *high > kPortMax || *low > *high) {
    return value.Fail(absl::StrCat("expected a range of ports, found ", Quoted(text)),
                      "\"LOW-HIGH\", both from 1 to 65535, LOW not above HIGH: \"8000-8099\"");
  }
  out = PortRange{static_cast<uint16_t>(*low), static_cast<uint16_t>(*high)};
  return true;
}

bool ReadPorts(const Value& value, Ports& out) {
  if (value.is_scalar() && value.node().text == "any") {
    out.any = true;
    return true;
  }
  constexpr char kHint[] = "write [443], [80, \"8000-8099\"] or any";
  if (!value.is_sequence()) return value.FailType("a list of ports, or any", kHint);
  if (value.node().children.empty()) return value.Fail("the list of ports is empty", kHint);
  return ListOf(ReadPortRange)(value, out.ranges);
}

auto EncapSourceSchema() {
  return MapSchema<PerFamily<IpPrefix>>()
      .Optional("ipv4", &PerFamily<IpPrefix>::ipv4, PrefixOf(Family::kIpv4))
      .Optional("ipv6", &PerFamily<IpPrefix>::ipv6, PrefixOf(Family::kIpv6));
}

auto GatewaySchema() {
  return MapSchema<PerFamily<IpAddress>>()
      .Optional("ipv4", &PerFamily<IpAddress>::ipv4, AddressOf(Family::kIpv4))
      .Optional("ipv6", &PerFamily<IpAddress>::ipv6, AddressOf(Family::kIpv6));
}

auto GatewayMacSchema() {
  return MapSchema<PerFamily<MacAddress>>()
      .Optional("ipv4", &PerFamily<MacAddress>::ipv4, Mac())
      .Optional("ipv6", &PerFamily<MacAddress>::ipv6, Mac());
}

auto ClusterSchema() {
  return MapSchema<Cluster>()
      .Required("name", &Cluster::name, NameText())
      .Optional("key_file", &Cluster::key_file, Text())
      .Optional("owned_prefixes", &Cluster::owned_prefixes, ListOf(AnyPrefix()));
}

auto NetworkSchema() {
  return MapSchema<Network>()
      .Optional("encap_source", &Network::encap_source, EncapSourceSchema())
      .Optional("gateway", &Network::gateway, GatewaySchema())
      .Optional("gateway_mac", &Network::gateway_mac, GatewayMacSchema())
      .Optional("mtu", &Network::mtu, Integer(kMtuMin, kMtuMax))
      .Optional("client_mtu", &Network::client_mtu, Integer(kMtuMin, kMtuMax))
      .Optional("vlan", &Network::vlan, ReadVlan);
}

// A check's own block: remembers which kind it is.
Reader<Health> Check(HealthKind kind, MapSchema<Health> schema) {
  return [kind, schema = std::move(schema)](const Value& value, Health& out) {
    out.kind = kind;
    return schema(value, out);
  };
}

// What stands in a request line as it is: no spaces, and nothing but a path.
bool ReadHttpPath(const Value& value, std::string& out) {
  if (!Text(Empty::kRefused)(value, out)) return false;
  if (out[0] == '/' && out.find(' ') == std::string::npos) return true;
  return value.Fail(absl::StrCat(Quoted(out), " is not the path of a request"),
                    "it begins with / and has no spaces: /healthz");
}

MapSchema<Health> HttpSchema() {
  return MapSchema<Health>()
      .Required("port", &Health::port, Integer(1, kPortMax))
      .Optional("path", &Health::path, ReadHttpPath)
      .Optional("host", &Health::host, Text(Empty::kAccepted))
      .Optional("status", &Health::status, Integer(100, 599));
}

bool HasOneCheck(const Value& value, Health&) {
  int checks = 0;
  for (const YamlKey& key : value.node().keys) {
    for (absl::string_view kind : {"tcp", "http", "https", "udp", "icmp"})
      checks += key.text == kind;
  }
  return checks == 1 || value.Fail(absl::StrCat("expected one check, found ", checks),
                                   "exactly one of tcp, http, https, udp, icmp");
}

auto HealthSchema() {
  return MapSchema<Health>()
      .Part("tcp", Check(HealthKind::kTcp,
                         MapSchema<Health>().Required("port", &Health::port, Integer(1, kPortMax))))
      .Part("http", Check(HealthKind::kHttp, HttpSchema()))
      .Part("https", Check(HealthKind::kHttps, HttpSchema()))
      .Part("udp",
            Check(HealthKind::kUdp, MapSchema<Health>()
                                        .Required("port", &Health::port, Integer(1, kPortMax))
                                        .Optional("send", &Health::send, Payload())
                                        .Optional("expect", &Health::expect, Payload())))
      .Part("icmp", Check(HealthKind::kIcmp, MapSchema<Health>()))
      .Optional("interval", &Health::interval, Span(absl::Milliseconds(100), absl::Hours(1)))
      .Optional("timeout", &Health::timeout, Span(absl::Milliseconds(10), absl::Hours(1)))
      .Optional("rise", &Health::rise, Integer(1, 100))
      .Optional("fall", &Health::fall, Integer(1, 100))
      .Optional("via", &Health::via,
                OneOf<HealthVia>({{"tunnel", HealthVia::kTunnel}, {"direct", HealthVia::kDirect}}))
      .Optional("source", &Health::source, AnyAddress())
      .Optional("note", &Health::note, Text())
      .Check(HasOneCheck);
}

auto TableSchema() {
  return MapSchema<TableShape>()
      .Optional("slots", &TableShape::slots, Integer(0, kIntegerMax))
      .Optional("fill", &TableShape::fill,
                OneOf<FillKind>({{"exact", FillKind::kExact}, {"maglev", FillKind::kMaglev}}));
}

auto ObjectivesSchema() {
  return MapSchema<Objectives>()
      .Optional("max_share_error", &Objectives::max_share_error_percent, Percent())
      .Optional("min_healthy", &Objectives::min_healthy_percent, Percent())
      .Optional("survive_failures", &Objectives::survive_failures, Integer(0, kPortMax));
}

auto DrainSchema() {
  return MapSchema<Drain>()
      .Required("reason", &Drain::reason, Text())
      .Optional("until", &Drain::until, Instant());
}

auto BackendSchema() {
  return MapSchema<Backend>()
      .Required("address", &Backend::address, AnyAddress())
      .Required("weight", &Backend::weight, Weight())
      .Optional("capacity", &Backend::capacity, Integer(1, kCapacityMax))
      .Optional("host", &Backend::host, Text())
      .Optional("tags", &Backend::tags, ListOf(Text()))
      .Optional("drain", &Backend::drain, DrainSchema());
}

auto PoolSchema() {
  return MapSchema<Pool>()
      .Optional("forward", &Pool::forward,
                OneOf<Forward>({{"ipip", Forward::kIpip},
                                {"gue", Forward::kGue},
                                {"gre", Forward::kGre},
                                {"l2dsr", Forward::kL2dsr}}))
      .Optional("table", &Pool::table, TableSchema())
      .Optional("health", &Pool::health, HealthSchema())
      .Optional("objectives", &Pool::objectives, ObjectivesSchema())
      .Optional("idle", &Pool::idle, Span(absl::Minutes(1), absl::Hours(4)))
      .Optional("hold", &Pool::hold, Span(absl::ZeroDuration(), absl::Hours(1)))
      .Optional("drain", &Pool::drain, Span(absl::ZeroDuration(), 7 * kDay))
      .Optional("slow_start", &Pool::slow_start, Span(absl::ZeroDuration(), kDay))
      .Optional("allow_empty", &Pool::allow_empty, Boolean())
      .Optional("backends", &Pool::backends, NamedList(&Backend::name, BackendSchema()));
}

auto ServiceSchema() {
  return MapSchema<Service>()
      .Required("vip", &Service::vip, AnyPrefix())
      .Required("ports", &Service::ports, ReadPorts)
      .Required("protocol", &Service::protocol,
                OneOf<Protocol>({{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}}))
      .Required("pool", &Service::pool, NameReference())
      .Optional("affinity", &Service::affinity,
                OneOf<Affinity>({{"flow", Affinity::kFlow}, {"client", Affinity::kClient}}))
      .Optional("fragments", &Service::fragments,
                OneOf<Fragments>({{"first", Fragments::kFirst},
                                  {"tuple3", Fragments::kTuple3},
                                  {"drop", Fragments::kDrop}}))
      .Optional("tags", &Service::tags, ListOf(Text()));
}

bool HasOneNameForWeightLost(const Value& value, BlastRadius&) {
  int names = 0;
  for (const YamlKey& key : value.node().keys) {
    names += key.text == "weight_lost" || key.text == "pool_removed";
  }
  return names <= 1 || value.Fail("`weight_lost` and `pool_removed` are two names of one limit",
                                  "keep `weight_lost`");
}

auto BlastRadiusSchema() {
  return MapSchema<BlastRadius>()
      .Optional("weight_lost", &BlastRadius::weight_lost_percent, Percent())
      .Optional("pool_removed", &BlastRadius::weight_lost_percent, Percent())
      .Optional("slots_moved", &BlastRadius::slots_moved_percent, Percent())
      .Optional("services", &BlastRadius::services, Integer(0, kPortMax))
      .Check(HasOneNameForWeightLost);
}

auto AllowSchema() {
  return MapSchema<Allow>()
      .Required("rule", &Allow::rule, Text())
      .Required("at", &Allow::at, Text())
      .Required("reason", &Allow::reason, Text())
      .Required("until", &Allow::until, Instant());
}

auto SafetySchema() {
  return MapSchema<Safety>()
      .Optional("confirm_within", &Safety::confirm_within, Span(absl::Seconds(30), absl::Hours(1)))
      .Optional("blast_radius", &Safety::blast_radius, BlastRadiusSchema())
      .Optional("weight_ratio", &Safety::weight_ratio, Integer(1, kWeightMax))
      .Optional("audit_every", &Safety::audit_every, Span(absl::Seconds(1), kDay))
      .Optional("allow", &Safety::allow, ListOf(AllowSchema()));
}

}  // namespace

const MapSchema<Config>& SchemaV1() {
  static const auto* const schema = new auto(
      MapSchema<Config>()
          .Required("schema", &Config::schema, ReadSchemaVersion)
          .Required("cluster", &Config::cluster, ClusterSchema())
          .Optional("network", &Config::network, NetworkSchema())
          .Optional("pools", &Config::pools, NamedList(&Pool::name, PoolSchema()))
          .Optional("services", &Config::services, NamedList(&Service::name, ServiceSchema()))
          .Optional("safety", &Config::safety, SafetySchema()));
  return *schema;
}

}  // namespace evenkeel::decoding
