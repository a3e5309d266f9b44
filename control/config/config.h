// The model: one configuration file as plain values, with the defaults of the public interface.
//
// Made by ParseConfig() (parse.h), judged by Validate() (control/validate/validate.h), then
// compiled to tables and an image. Values only: copy, compare and hand between threads freely.
// Pools, backends and services stand in the order of the file; nothing that is built from them may
// depend on that order.
//
//   for (const Pool& pool : config.pools)
//     for (const Backend& backend : pool.backends) total += backend.effective_weight();
#ifndef CONTROL_CONFIG_CONFIG_H_
#define CONTROL_CONFIG_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/address.h"
#include "control/config/source_map.h"

namespace evenkeel {

constexpr char kSchemaV1[] = "evenkeel/v1";

// One value for each address family; what the file leaves out is not set.
template <typename T>
struct PerFamily {
  std::optional<T> ipv4;
  std::optional<T> ipv6;

  const std::optional<T>& of(Family family) const { return family == Family::kIpv4 ? ipv4 : ipv6; }
  bool operator==(const PerFamily&) const = default;
};

struct Cluster {
  std::string name;
  std::string key_file = "/etc/evenkeel/cluster.key";
  std::vector<IpPrefix> owned_prefixes;

  bool operator==(const Cluster&) const = default;
};

struct Network {
  PerFamily<IpPrefix> encap_source;  // a host prefix is one fixed address
  PerFamily<IpAddress> gateway;
  PerFamily<MacAddress> gateway_mac;
  uint32_t mtu = 1600;         // of the segment towards the backends, bytes of IP
  uint32_t client_mtu = 1500;  // towards the clients, bytes of IP
  uint32_t vlan = 0;           // 1..4094; 0: none

  bool operator==(const Network&) const = default;
};

enum class Forward { kIpip, kGue, kGre, kL2dsr };
enum class FillKind { kExact, kMaglev };
enum class Protocol { kTcp, kUdp };
enum class Affinity { kFlow, kClient };
enum class Fragments { kFirst, kTuple3, kDrop };

// As written in the file.
absl::string_view Name(Forward forward);
absl::string_view Name(FillKind fill);
absl::string_view Name(Protocol protocol);
absl::string_view Name(Affinity affinity);
absl::string_view Name(Fragments fragments);

struct TableShape {
  uint32_t slots = 65536;
  FillKind fill = FillKind::kExact;

  bool operator==(const TableShape&) const = default;
};

enum class HealthKind { kTcp, kHttp, kHttps, kUdp, kIcmp };
enum class HealthVia { kTunnel, kDirect };

struct Health {
  HealthKind kind = HealthKind::kTcp;
  uint32_t port = 0;       // all but icmp
  std::string path = "/";  // http, https
  std::string host;        // http, https: the Host header; empty: the VIP
  uint32_t status = 200;   // http, https
  std::string send;        // udp
  std::string expect;      // udp
  absl::Duration interval = absl::Seconds(2);
  absl::Duration timeout = absl::Seconds(1);
  uint32_t rise = 2;
  uint32_t fall = 3;
  HealthVia via = HealthVia::kTunnel;
  std::optional<IpAddress> source;
  std::string note;

  bool operator==(const Health&) const = default;
};

struct Objectives {
  uint32_t max_share_error_percent = 1;
  uint32_t min_healthy_percent = 50;
  uint32_t survive_failures = 1;

  bool operator==(const Objectives&) const = default;
};

struct Drain {
  std::string reason;
  // InfiniteFuture where the file gives none (rule F19 refuses that).
  absl::Time until = absl::InfiniteFuture();

  bool operator==(const Drain&) const = default;
};

struct Backend {
  std::string name;
  IpAddress address;
  uint32_t weight = 0;  // 1..kWeightMax (dataplane/table/fill.h); 0 only together with `drain`
  std::optional<uint32_t> capacity;  // new flows a second
  std::string host;                  // label of the machine it runs on; empty: not said
  std::vector<std::string> tags;
  std::optional<Drain> drain;

  // What it asks of the table: a draining backend owns no slots.
  uint32_t effective_weight() const { return drain ? 0 : weight; }
  bool operator==(const Backend&) const = default;
};

struct Pool {
  std::string name;
  Forward forward = Forward::kIpip;
  TableShape table;
  std::optional<Health> health;
  Objectives objectives;
  absl::Duration idle = absl::Minutes(15);
  absl::Duration hold = absl::Seconds(30);
  absl::Duration drain = absl::Minutes(15);
  absl::Duration slow_start = absl::ZeroDuration();
  bool allow_empty = false;
  std::vector<Backend> backends;

  bool operator==(const Pool&) const = default;
};

// Both ends included; an exact port has low == high.
struct PortRange {
  uint16_t low = 0;
  uint16_t high = 0;

  bool operator==(const PortRange&) const = default;
};

struct Ports {
  bool any = false;
  std::vector<PortRange> ranges;  // as written; empty when `any`

  bool operator==(const Ports&) const = default;
};

// As in the file: `any`, or `443,8000-8099`.
std::string ToString(const Ports& ports);

struct Service {
  std::string name;
  IpPrefix vip;
  Ports ports;
  Protocol protocol = Protocol::kTcp;
  std::string pool;
  Affinity affinity = Affinity::kFlow;
  Fragments fragments = Fragments::kDrop;
  std::vector<std::string> tags;

  bool operator==(const Service&) const = default;
};

struct BlastRadius {
  uint32_t weight_lost_percent = 34;
  uint32_t slots_moved_percent = 40;
  uint32_t services = 10;

  bool operator==(const BlastRadius&) const = default;
};

// An override: findings of `rule` at `at` (or below it) do not refuse the file until `until`.
struct Allow {
  std::string rule;
  std::string at;
  std::string reason;
  absl::Time until;

  bool operator==(const Allow&) const = default;
};

struct Safety {
  absl::Duration confirm_within = absl::Minutes(5);
  BlastRadius blast_radius;
  uint32_t weight_ratio = 20;
  absl::Duration audit_every = absl::Minutes(1);
  std::vector<Allow> allow;

  bool operator==(const Safety&) const = default;
};

struct Config {
  std::string schema = kSchemaV1;
  Cluster cluster;
  Network network;
  std::vector<Pool> pools;
  std::vector<Service> services;
  Safety safety;

  SourceMap locations;  // of everything that the file says

  // Null if there is none of that name.
  const Pool* FindPool(absl::string_view name) const;
};

// The paths under which findings speak of them.
std::string PathOf(const Pool& pool);                          // pools.web
std::string PathOf(const Pool& pool, const Backend& backend);  // pools.web.backends.web-1
std::string PathOf(const Service& service);                    // services.web-https

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_CONFIG_H_
