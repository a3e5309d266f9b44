#include "tests/packets/tables.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace evenkeel::packets {
namespace {

struct Prefix {
  Address address{};
  uint8_t length = 128;  // of 128
  bool ipv4 = false;
};

Prefix ParsePrefix(const std::string& text) {
  Prefix prefix;
  const size_t slash = text.find('/');
  prefix.address = ParseAddress(text.substr(0, slash));
  prefix.ipv4 = IsIpv4(prefix.address);
  if (slash != std::string::npos)
    prefix.length =
        static_cast<uint8_t>(std::stoi(text.substr(slash + 1)) + (prefix.ipv4 ? 96 : 0));
  return prefix;
}

Address MaskOf(uint8_t length) {
  Address mask{};
  for (int bit = 0; bit < length; bit++)
    mask[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  return mask;
}

lb_prefix_mask MaskWords(uint8_t length) {
  const Address mask = MaskOf(length);
  lb_prefix_mask words;
  std::memcpy(words.word, mask.data(), mask.size());
  return words;
}

uint64_t NextHopWord(const Mac& mac) {
  uint64_t word = 0;
  std::memcpy(&word, mac.data(), mac.size());
  return word | LB_NEXT_HOP_VALID;
}

// The start may lie before the clock's own, as a negative number.
uint64_t Deadline(uint64_t start_ns, uint32_t for_s) {
  const int64_t deadline = static_cast<int64_t>(start_ns + for_s * 1'000'000'000ull);
  return static_cast<uint64_t>(std::max<int64_t>(deadline, 1));
}

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "test tables: %s\n", what);
  std::abort();
}

}  // namespace

TablesSpec::TablesSpec() = default;
TablesSpec::TablesSpec(const TablesSpec&) = default;
TablesSpec& TablesSpec::operator=(const TablesSpec&) = default;
TablesSpec::~TablesSpec() = default;

Tables::Tables(const TablesSpec& spec) : spec_(spec) {
  AddParams();
  AddPools();
  AddServices();
  AddFormerServices();
  AddPrefixes();
  AddVipRows();
  AddPortRows();
  Link();
}

void Tables::AddParams() {
  std::memcpy(params_.hash_key, spec_.key.data(), spec_.key.size());
  if (!spec_.encap_source4.empty()) {
    const Prefix source = ParsePrefix(spec_.encap_source4);
    const Address mask = MaskOf(source.length);
    std::memcpy(params_.encap_source4, &source.address[12], 4);
    std::memcpy(params_.encap_mask4, &mask[12], 4);
  }
  if (!spec_.encap_source6.empty()) {
    const Prefix source = ParsePrefix(spec_.encap_source6);
    const Address mask = MaskOf(source.length);
    std::memcpy(params_.encap_source6, source.address.data(), 16);
    std::memcpy(params_.encap_mask6, mask.data(), 16);
  }
  params_.mtu = spec_.mtu;
  params_.client_mtu = spec_.client_mtu;
  params_.vlan = spec_.vlan;
  params_.generation = 1;
}

void Tables::AddPools() {
  next_hops_ = {NextHopWord(kGateway4Mac), NextHopWord(kGateway6Mac)};
  transitions_.resize(1);
  for (const PoolSpec& pool : spec_.pools) {
    const size_t first = backends_.size();
    std::vector<lb_slot> choices;
    for (const BackendSpec& spec : pool.backends) {
      lb_backend backend{};
      const Address address = ParseAddress(spec.address);
      std::memcpy(backend.address, address.data(), address.size());
      backend.family = IsIpv4(address) ? LB_IPV4 : LB_IPV6;
      backend.encap = spec.encap;
      backend.pool = static_cast<uint16_t>(slots_.size());
      backend.pool_pos = static_cast<uint16_t>(backends_.size() - first);
      backend.next_hop = backend.family == LB_IPV4 ? 0 : 1;
      if (spec.mac || !spec.resolved) {
        backend.next_hop = static_cast<uint16_t>(next_hops_.size());
        next_hops_.push_back(spec.resolved ? NextHopWord(*spec.mac) : 0);
      }
      if (backend.family == LB_IPV4) backend.outer_sum = lb_outer_sum(&params_, &address[12]);
      lb_slot choice = static_cast<lb_slot>(backends_.size());
      if (spec.moved_from) {
        lb_transition transition{};
        for (size_t i = 0; i < pool.backends.size(); i++)
          if (pool.backends[i].address == *spec.moved_from)
            transition.previous = static_cast<uint16_t>(first + i);
        transition.state = LB_SLOT_OPEN;
        transition.armed_previous = transition.previous;
        transition.open_until_ns = Deadline(spec_.start_ns, spec.open_for_s);
        transition.armed_until_ns = Deadline(spec_.start_ns, spec.armed_for_s);
        choice |= static_cast<lb_slot>(transitions_.size()) << 16;
        transitions_.push_back(transition);
      }
      backend.state = spec.state;
      if (spec.owns_slots) choices.push_back(choice);
      backends_.push_back(backend);
    }
    lb_pool record{};
    record.idle_s = pool.idle_s;
    pools_.push_back(record);
    std::vector<lb_slot>& slots = slots_.emplace_back();
    if (choices.empty()) continue;
    for (size_t i = 0; i < size_t{1} << pool.slots_log2; i++)
      slots.push_back(choices[i % choices.size()]);
  }
  if (backends_.empty()) backends_.resize(1);
}

void Tables::AddServices() {
  std::vector<Prefix> prefixes;
  std::vector<std::vector<lb_port_range>> ranges;  // of each VIP and transport
  uint32_t counters = 0;
  for (const ServiceSpec& spec : spec_.services) {
    const Prefix prefix = ParsePrefix(spec.vip);
    size_t vip = 0;
    while (vip < prefixes.size() &&
           (prefixes[vip].address != prefix.address || prefixes[vip].length != prefix.length))
      vip++;
    if (vip == prefixes.size()) {
      prefixes.push_back(prefix);
      ranges.resize(ranges.size() + LB_TRANSPORTS);
      lb_vip record{};
      std::memcpy(record.address, prefix.address.data(), prefix.address.size());
      record.prefix_length = prefix.length;
      record.family = prefix.ipv4 ? LB_IPV4 : LB_IPV6;
      record.any_service[LB_TCP] = record.any_service[LB_UDP] = LB_NONE;
      vips_.push_back(record);
    }
    size_t pool = 0;
    while (pool < spec_.pools.size() && spec_.pools[pool].name != spec.pool) pool++;
    if (pool == spec_.pools.size()) Fail("a service names no pool");

    const uint16_t index = static_cast<uint16_t>(services_.size());
    const bool empty = slots_[pool].empty();
    lb_service service{};
    service.counter_base = counters;
    counters += static_cast<uint32_t>(spec_.pools[pool].backends.size());
    service.table = empty ? LB_TABLE_NONE : static_cast<uint32_t>(pool);
    service.pool = static_cast<uint16_t>(pool);
    service.vip = static_cast<uint16_t>(vip);
    service.transport = spec.transport;
    service.affinity = spec.affinity;
    service.slot_shift = static_cast<uint8_t>(64 - spec_.pools[pool].slots_log2);
    service.family = vips_[vip].family;
    service.former = LB_NONE;
    services_.push_back(service);
    if (!empty) vips_[vip].flags |= LB_VIP_ANSWERS_ECHO;

    if (spec.ports.empty()) vips_[vip].any_service[spec.transport] = index;
    for (const PortRange& ports : spec.ports) {
      if (ports.low == ports.high) {
        port_cells_.push_back(lb_port_key(static_cast<uint32_t>(vip), ports.low, spec.transport) |
                              uint64_t{index} << 32);
      } else {
        ranges[vip * LB_TRANSPORTS + spec.transport].push_back({ports.low, ports.high, index, 0});
      }
    }
  }
  for (size_t i = 0; i < ranges.size(); i++) {
    std::sort(ranges[i].begin(), ranges[i].end(),
              [](const lb_port_range& a, const lb_port_range& b) { return a.low < b.low; });
    vips_[i / LB_TRANSPORTS].range_first[i % LB_TRANSPORTS] =
        static_cast<uint32_t>(port_ranges_.size());
    vips_[i / LB_TRANSPORTS].range_count[i % LB_TRANSPORTS] =
        static_cast<uint32_t>(ranges[i].size());
    port_ranges_.insert(port_ranges_.end(), ranges[i].begin(), ranges[i].end());
  }
}

void Tables::AddFormerServices() {
  uint32_t counters = 0;
  for (const lb_service& service : services_) {
    counters =
        std::max(counters, service.counter_base +
                               static_cast<uint32_t>(spec_.pools[service.pool].backends.size()));
  }
  for (size_t i = 0; i < spec_.services.size(); i++) {
    const std::optional<FormerSpec>& former = spec_.services[i].former;
    if (!former) continue;
    size_t pool = 0;
    while (pool < spec_.pools.size() && spec_.pools[pool].name != former->pool) pool++;
    if (pool == spec_.pools.size()) Fail("a former service names no pool");
    lb_service record = services_[i];
    record.counter_base = counters;
    counters += static_cast<uint32_t>(spec_.pools[pool].backends.size());
    record.pool = static_cast<uint16_t>(pool);
    record.table = slots_[pool].empty() ? LB_TABLE_NONE : static_cast<uint32_t>(pool);
    record.affinity = former->affinity;
    record.slot_shift = static_cast<uint8_t>(64 - spec_.pools[pool].slots_log2);
    services_[i].former = static_cast<uint16_t>(services_.size());
    services_[i].former_until_ns = Deadline(spec_.start_ns, former->for_s);
    services_.push_back(record);
  }
}

void Tables::AddPrefixes() {
  for (int family = 0; family < 2; family++) {
    std::vector<uint8_t> lengths;
    for (const lb_vip& vip : vips_)
      if ((vip.family == LB_IPV6) == (family == 1)) lengths.push_back(vip.prefix_length);
    std::sort(lengths.rbegin(), lengths.rend());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    if (lengths.size() > LB_PREFIX_LENGTHS_MAX) Fail("too many prefix lengths");
    params_.prefix_count[family] = static_cast<uint32_t>(lengths.size());
    for (size_t i = 0; i < lengths.size(); i++) {
      params_.prefix[family][i] = MaskWords(lengths[i]);
      for (lb_vip& vip : vips_)
        if ((vip.family == LB_IPV6) == (family == 1) && vip.prefix_length == lengths[i])
          vip.prefix_index = static_cast<uint8_t>(i);
    }
  }
}

void Tables::AddVipRows() {
  for (params_.vip_seed = 1;; params_.vip_seed++) {
    if (params_.vip_seed > 64) Fail("no seed for the VIP rows");
    uint32_t rows = 1;
    while (rows * 2 < vips_.size()) rows *= 2;
    params_.vip_row_mask = rows - 1;
    vip_rows_.assign(rows, {});
    bool fits = true;
    for (size_t i = 0; i < vips_.size() && fits; i++) {
      uint64_t word[2];
      std::memcpy(word, vips_[i].address, sizeof(word));
      const uint64_t hash = lb_vip_hash(params_.vip_seed, word[0], word[1], vips_[i].prefix_index);
      uint32_t* cells = vip_rows_[hash & params_.vip_row_mask].cell;
      uint32_t* cell = std::find(cells, cells + LB_ROW_CELLS, 0u);
      fits = cell != cells + LB_ROW_CELLS;
      if (fits) *cell = static_cast<uint32_t>(hash >> 48) << 16 | static_cast<uint32_t>(i + 1);
    }
    if (fits) return;
  }
}

void Tables::AddPortRows() {
  for (params_.port_seed = 1;; params_.port_seed++) {
    if (params_.port_seed > 64) Fail("no seed for the port rows");
    uint32_t rows = 1;
    while (rows * 2 < port_cells_.size()) rows *= 2;
    params_.port_row_mask = rows - 1;
    port_rows_.assign(rows, {});
    bool fits = true;
    for (size_t i = 0; i < port_cells_.size() && fits; i++) {
      const uint64_t hash = lb_port_hash(params_.port_seed, port_cells_[i] & LB_PORT_KEY_MASK);
      uint64_t* cells = port_rows_[hash & params_.port_row_mask].cell;
      uint64_t* cell = std::find(cells, cells + LB_ROW_CELLS, uint64_t{0});
      fits = cell != cells + LB_ROW_CELLS;
      if (fits) *cell = port_cells_[i];
    }
    if (fits) return;
  }
}

void Tables::Link() {
  if (port_ranges_.empty()) port_ranges_.resize(1);
  for (lb_service& service : services_)
    if (service.table != LB_TABLE_NONE)
      service.plane_word = reinterpret_cast<uintptr_t>(slots_[service.pool].data());
  view_.params = &params_;
  view_.vips = vips_.data();
  view_.vip_rows = vip_rows_.data();
  view_.port_rows = port_rows_.data();
  view_.port_ranges = port_ranges_.data();
  view_.services = services_.data();
  view_.backends = backends_.data();
  view_.pools = pools_.data();
  view_.backend_count = static_cast<uint32_t>(backends_.size());
  view_.transitions = transitions_.data();
  view_.next_hops = next_hops_.data();
  std::copy(kPortMac.begin(), kPortMac.end(), view_.port_mac);
}

}  // namespace evenkeel::packets
