#include "dataplane/table/match_rows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/table/layout.h"

namespace evenkeel {

lb_prefix_mask PrefixMask(uint32_t prefix_length) {
  uint8_t bytes[16] = {};
  for (uint32_t bit = 0; bit < prefix_length; bit++) bytes[bit / 8] |= 0x80 >> (bit % 8);
  lb_prefix_mask mask;
  std::memcpy(&mask, bytes, sizeof(mask));
  return mask;
}

namespace {

constexpr uint32_t kSeedsPerSize = 32;

struct Words {
  uint64_t w0, w1;
};

Words WordsOf(const Address& address) {
  Words words;
  std::memcpy(&words, address.data(), sizeof(words));
  return words;
}

std::string VipText(const ServiceSpec& service) {
  const uint32_t shown =
      IsMappedIpv4(service.vip) ? service.prefix_length - 96u : service.prefix_length;
  return absl::StrCat(AddressText(service.vip), "/", shown);
}

class MatchBuilder {
 public:
  MatchBuilder(std::span<const ServiceSpec> services, std::span<const PoolSpec> pools,
               lb_params* params)
      : services_(services), pools_(pools), params_(params) {}

  absl::StatusOr<MatchRecords> Build() {
    for (auto step :
         {&MatchBuilder::CheckServices, &MatchBuilder::CollectPrefixes, &MatchBuilder::CollectVips,
          &MatchBuilder::PlacePorts, &MatchBuilder::PlaceRanges, &MatchBuilder::BuildVipRows,
          &MatchBuilder::BuildPortRows}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return std::move(out_);
  }

 private:
  // A range of ports before it is given its place.
  struct Span {
    uint32_t vip;
    uint32_t transport;
    PortSpan ports;
    uint16_t service;
  };

  absl::Status CheckServices();
  absl::Status CollectPrefixes();
  absl::Status CollectVips();
  absl::Status PlacePorts();
  absl::Status PlaceRanges();
  absl::Status BuildVipRows();
  absl::Status BuildPortRows();
  absl::Status PlacePort(uint16_t service, PortSpan ports);
  bool TryVipRows(uint32_t seed, uint32_t row_count);
  bool TryPortRows(uint32_t seed, uint32_t row_count);
  absl::Status Overlap(uint16_t a, uint16_t b, absl::string_view what) const;

  std::span<const ServiceSpec> services_;
  std::span<const PoolSpec> pools_;
  lb_params* params_;
  MatchRecords out_;
  std::map<uint64_t, uint16_t> exact_;  // lb_port_key() -> service
  std::vector<Span> spans_;
};

absl::Status MatchBuilder::CheckServices() {
  for (const ServiceSpec& service : services_) {
    const uint32_t least = IsMappedIpv4(service.vip) ? 96 : 0;
    if (service.prefix_length < least || service.prefix_length > 128) {
      return absl::InvalidArgumentError(
          absl::StrFormat("service %s: prefix length %d of its VIP is impossible", service.name,
                          service.prefix_length));
    }
    const lb_prefix_mask mask = PrefixMask(service.prefix_length);
    const Words address = WordsOf(service.vip);
    if ((address.w0 & ~mask.word[0]) != 0 || (address.w1 & ~mask.word[1]) != 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "service %s: VIP %s has bits beyond its prefix length", service.name, VipText(service)));
    }
    if (service.transport != LB_TCP && service.transport != LB_UDP) {
      return absl::InvalidArgumentError(
          absl::StrFormat("service %s: unknown transport %d", service.name, service.transport));
    }
    if (service.any_port == !service.ports.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("service %s: needs either ports or any port", service.name));
    }
  }
  return absl::OkStatus();
}

absl::Status MatchBuilder::CollectPrefixes() {
  std::set<uint32_t, std::greater<>> lengths[2];
  for (const ServiceSpec& service : services_) {
    lengths[FamilyOf(service.vip) == LB_IPV6].insert(service.prefix_length);
  }
  for (int family = 0; family < 2; family++) {
    if (lengths[family].size() > LB_PREFIX_LENGTHS_MAX) {
      return absl::InvalidArgumentError(
          absl::StrFormat("VIPs of IPv%d use %d different prefix lengths; at most %d are possible",
                          family == 0 ? 4 : 6, lengths[family].size(), LB_PREFIX_LENGTHS_MAX));
    }
    uint32_t index = 0;
    for (const uint32_t length : lengths[family]) {
      params_->prefix[family][index++] = PrefixMask(length);
    }
    params_->prefix_count[family] = index;
  }
  return absl::OkStatus();
}

absl::Status MatchBuilder::CollectVips() {
  std::map<std::pair<Address, uint8_t>, uint16_t> known;
  for (const ServiceSpec& service : services_) {
    const auto [it, is_new] = known.try_emplace({service.vip, service.prefix_length},
                                                static_cast<uint16_t>(out_.vips.size()));
    if (is_new) {
      if (out_.vips.size() == LB_VIPS_MAX) {
        return absl::InvalidArgumentError(
            absl::StrFormat("service %s: more than %d VIPs", service.name, LB_VIPS_MAX));
      }
      lb_vip vip{};
      std::memcpy(vip.address, service.vip.data(), sizeof(vip.address));
      vip.prefix_length = service.prefix_length;
      vip.family = FamilyOf(service.vip);
      const bool is_ipv6 = vip.family == LB_IPV6;
      const lb_prefix_mask mask = PrefixMask(vip.prefix_length);
      while (std::memcmp(&params_->prefix[is_ipv6][vip.prefix_index], &mask, sizeof(mask)) != 0) {
        vip.prefix_index++;
      }
      for (uint16_t& any : vip.any_service) any = LB_NONE;
      out_.vips.push_back(vip);
    }
    if (pools_[service.pool].base != nullptr) out_.vips[it->second].flags |= LB_VIP_ANSWERS_ECHO;
    out_.vip_of_service.push_back(it->second);
  }
  return absl::OkStatus();
}

absl::Status MatchBuilder::PlacePorts() {
  for (uint16_t i = 0; i < services_.size(); i++) {
    const ServiceSpec& service = services_[i];
    if (service.any_port) {
      uint16_t& any = out_.vips[out_.vip_of_service[i]].any_service[service.transport];
      if (any != LB_NONE) return Overlap(any, i, "every port");
      any = i;
    }
    for (const PortSpan ports : service.ports) {
      if (absl::Status status = PlacePort(i, ports); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status MatchBuilder::PlacePort(uint16_t index, PortSpan ports) {
  const ServiceSpec& service = services_[index];
  if (ports.low > ports.high) {
    return absl::InvalidArgumentError(absl::StrFormat("service %s: port range %d-%d runs backwards",
                                                      service.name, ports.low, ports.high));
  }
  if (ports.low != ports.high) {
    spans_.push_back({out_.vip_of_service[index], service.transport, ports, index});
    if (spans_.size() <= kPortRangesMax) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("service %s: more than %d port ranges", service.name, kPortRangesMax));
  }
  const uint64_t key = lb_port_key(out_.vip_of_service[index], ports.low, service.transport);
  const auto [it, is_new] = exact_.try_emplace(key, index);
  if (!is_new) return Overlap(it->second, index, absl::StrCat("port ", ports.low));
  if (exact_.size() <= kExactPortsMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("service %s: more than %d exact ports", service.name, kExactPortsMax));
}

absl::Status MatchBuilder::PlaceRanges() {
  std::ranges::sort(spans_, {}, [](const Span& span) {
    return std::tuple(span.vip, span.transport, span.ports.low);
  });
  for (size_t i = 0; i < spans_.size(); i++) {
    const Span& span = spans_[i];
    lb_vip& vip = out_.vips[span.vip];
    if (vip.range_count[span.transport]++ == 0) {
      vip.range_first[span.transport] = static_cast<uint32_t>(i);
    } else if (spans_[i - 1].ports.high >= span.ports.low) {
      return Overlap(spans_[i - 1].service, span.service, absl::StrCat("port ", span.ports.low));
    }
    out_.port_ranges.push_back({span.ports.low, span.ports.high, span.service, 0});
  }
  return absl::OkStatus();
}

// Tries seeds, then doubles the rows: with half a cell a row on average, few seeds are needed.
template <typename Try>
absl::Status SearchRows(size_t cells, Try try_rows) {
  for (uint32_t rows = static_cast<uint32_t>(std::bit_ceil(2 * cells + 1)); rows <= kRowsMax;
       rows *= 2) {
    for (uint32_t seed = 0; seed < kSeedsPerSize; seed++) {
      if (try_rows(seed, rows)) return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no arrangement of ", cells, " matches in ", kRowsMax, " rows was found"));
}

absl::Status MatchBuilder::BuildVipRows() {
  return SearchRows(out_.vips.size(),
                    [&](uint32_t seed, uint32_t rows) { return TryVipRows(seed, rows); });
}

absl::Status MatchBuilder::BuildPortRows() {
  return SearchRows(exact_.size(),
                    [&](uint32_t seed, uint32_t rows) { return TryPortRows(seed, rows); });
}

bool MatchBuilder::TryVipRows(uint32_t seed, uint32_t row_count) {
  out_.vip_rows.assign(row_count, {});
  params_->vip_seed = seed;
  params_->vip_row_mask = row_count - 1;
  for (uint32_t i = 0; i < out_.vips.size(); i++) {
    const lb_vip& vip = out_.vips[i];
    Words address;
    std::memcpy(&address, vip.address, sizeof(address));
    const uint64_t hash = lb_vip_hash(seed, address.w0, address.w1, vip.prefix_index);
    const uint32_t tag = static_cast<uint32_t>(hash >> 48) << 16;
    std::span<uint32_t> cells = out_.vip_rows[hash & params_->vip_row_mask].cell;
    auto cell = cells.begin();
    // Two cells of a row never share a tag, so that a look-up has one candidate.
    while (cell != cells.end() && *cell != 0) {
      if ((*cell++ & 0xffff0000u) == tag) return false;
    }
    if (cell == cells.end()) return false;
    *cell = tag | (i + 1);
  }
  return true;
}

bool MatchBuilder::TryPortRows(uint32_t seed, uint32_t row_count) {
  out_.port_rows.assign(row_count, {});
  params_->port_seed = seed;
  params_->port_row_mask = row_count - 1;
  for (const auto& [key, service] : exact_) {
    std::span<uint64_t> cells =
        out_.port_rows[lb_port_hash(seed, key) & params_->port_row_mask].cell;
    const auto cell = std::ranges::find(cells, 0u);
    if (cell == cells.end()) return false;
    *cell = key | uint64_t{service} << 32;
  }
  return true;
}

absl::Status MatchBuilder::Overlap(uint16_t a, uint16_t b, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrFormat(
      "services %s and %s both claim %s of %s/%s", services_[a].name, services_[b].name, what,
      VipText(services_[b]), services_[b].transport == LB_TCP ? "tcp" : "udp"));
}

}  // namespace

absl::StatusOr<MatchRecords> BuildMatch(std::span<const ServiceSpec> services,
                                        std::span<const PoolSpec> pools, lb_params* params) {
  return MatchBuilder(services, pools, params).Build();
}

}  // namespace evenkeel
