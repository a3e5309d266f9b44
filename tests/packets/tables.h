// Tables for tests of the forwarding core, from a description. Not the product's image builder:
// slots are dealt round robin, so that a pool of one backend makes every expectation independent of
// the hash.
//
//   TablesSpec spec;
//   spec.pools = {{.name = "web", .backends = {{.address = "10.0.1.11"}}}};
//   spec.services = {{.vip = "203.0.113.10", .ports = {{80, 80}}, .pool = "web"}};
//   Tables tables(spec);
//   lb_classify(&tables.view(), ...);
#ifndef TESTS_PACKETS_TABLES_H_
#define TESTS_PACKETS_TABLES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/forward/table_access.h"
#include "tests/packets/bytes.h"
#include "tests/packets/reference_hash.h"

namespace evenkeel::packets {

// Of six different bytes each: one in another's place is seen.
inline constexpr Mac kGateway4Mac = {0x02, 0x41, 0x42, 0x43, 0x44, 0x04};
inline constexpr Mac kGateway6Mac = {0x02, 0x61, 0x62, 0x63, 0x64, 0x06};
inline constexpr Mac kPortMac = {0x02, 0x11, 0x12, 0x13, 0x14, 0x10};

struct BackendSpec {
  std::string address;
  uint8_t encap = LB_ENCAP_IPIP;
  std::optional<Mac> mac;  // l2dsr: the backend's own; nothing: the gateway's of its family
  bool resolved = true;
  std::optional<std::string> moved_from;  // its slots are in transition from this backend
  uint32_t open_for_s = 0;                // how long after TablesSpec.start_ns: TCP's window,
  uint32_t armed_for_s = 0;               // and UDP's
  bool owns_slots = true;
  uint8_t state = LB_BACKEND_UP;
};

struct PoolSpec {
  std::string name;
  std::vector<BackendSpec> backends;  // none: the pool has no table
  uint32_t slots_log2 = LB_SLOTS_LOG2_MIN;
  uint32_t idle_s = 900;
};

struct PortRange {
  uint16_t low;
  uint16_t high;
};

// What a service was before its structure changed.
struct FormerSpec {
  std::string pool;
  uint8_t affinity = LB_AFFINITY_FLOW;
  uint32_t for_s = 0;  // after TablesSpec.start_ns
};

struct ServiceSpec {
  std::string vip;               // address, or prefix as "203.0.113.0/24"
  std::vector<PortRange> ports;  // none: any port
  std::string pool;
  uint8_t transport = LB_TCP;
  uint8_t affinity = LB_AFFINITY_FLOW;
  std::optional<FormerSpec> former;
};

struct TablesSpec {
  // Out of line: there are hundreds of copies in the corpus.
  TablesSpec();
  TablesSpec(const TablesSpec&);
  TablesSpec& operator=(const TablesSpec&);
  ~TablesSpec();

  HashKey key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  std::string encap_source4 = "10.0.0.10/32";  // "": none
  std::string encap_source6 = "fd00::10/128";
  uint16_t mtu = 1600;
  uint16_t client_mtu = 1500;
  uint16_t vlan = 0;
  std::vector<PoolSpec> pools;
  std::vector<ServiceSpec> services;
  uint64_t start_ns = 0;  // CLOCK_BOOTTIME: deadlines are told from here
};

// Owns the records that its view points into.
class Tables {
 public:
  explicit Tables(const TablesSpec& spec);
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  const lb_view& view() const { return view_; }
  const TablesSpec& spec() const { return spec_; }
  // Every section, for planes that keep it elsewhere.
  const lb_params& params() const { return params_; }
  const std::vector<lb_vip>& vips() const { return vips_; }
  const std::vector<lb_vip_row>& vip_rows() const { return vip_rows_; }
  const std::vector<lb_port_row>& port_rows() const { return port_rows_; }
  const std::vector<lb_port_range>& port_ranges() const { return port_ranges_; }
  const std::vector<lb_service>& services() const { return services_; }
  const std::vector<lb_backend>& backends() const { return backends_; }
  const std::vector<lb_pool>& pools() const { return pools_; }
  const std::vector<lb_transition>& transitions() const { return transitions_; }
  const std::vector<uint64_t>& next_hops() const { return next_hops_; }
  const std::vector<std::vector<lb_slot>>& slots() const { return slots_; }  // of each pool

 private:
  void AddParams();
  void AddPools();
  void AddServices();
  void AddFormerServices();
  void AddPrefixes();
  void AddVipRows();
  void AddPortRows();
  void Link();

  TablesSpec spec_;
  lb_params params_{};
  std::vector<lb_vip> vips_;
  std::vector<lb_vip_row> vip_rows_;
  std::vector<lb_port_row> port_rows_;
  std::vector<lb_port_range> port_ranges_;
  std::vector<lb_service> services_;
  std::vector<lb_backend> backends_;
  std::vector<lb_pool> pools_;
  std::vector<lb_transition> transitions_;
  std::vector<uint64_t> next_hops_;
  std::vector<std::vector<lb_slot>> slots_;
  std::vector<uint64_t> port_cells_;
  lb_view view_{};
};

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_TABLES_H_
