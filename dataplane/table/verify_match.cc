#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

template <typename... Args>
absl::Status Mismatch(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return Refuse(NackCode::kMatch, absl::StrFormat(format, args...));
}

bool SameMask(const lb_prefix_mask& a, const lb_prefix_mask& b) {
  return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

class MatchVerifier {
 public:
  explicit MatchVerifier(const ImageView& image)
      : image_(image),
        is_former_(FormerServices(image)),
        matches_(image.services().size()),
        flags_(image.vips().size()) {}

  absl::Status Run() {
    for (auto step :
         {&MatchVerifier::RowCounts, &MatchVerifier::Flags, &MatchVerifier::Vips,
          &MatchVerifier::VipRows, &MatchVerifier::PortRows, &MatchVerifier::EveryServiceMatches}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status RowCounts();
  absl::Status Flags();
  absl::Status Vips();
  absl::Status Vip(uint32_t index, const lb_vip& vip);
  absl::Status Ranges(uint32_t index, const lb_vip& vip, uint32_t transport);
  absl::Status VipRows();
  absl::Status PortRows();
  absl::Status PortCell(uint32_t row, uint64_t cell);
  absl::Status EveryServiceMatches();
  // Notes that `service` is found at this VIP and transport; false when it does not belong there.
  bool Claim(uint32_t service, uint32_t vip, uint32_t transport);

  const ImageView& image_;
  const std::vector<bool> is_former_;  // by service
  std::vector<uint32_t> matches_;      // by service
  std::vector<uint8_t> flags_;         // by VIP, as services and pools imply them
  uint32_t range_next_ = 0;
};

absl::Status MatchVerifier::RowCounts() {
  const lb_params& params = image_.params();
  const size_t vip_rows = image_.vip_rows().size();
  const size_t port_rows = image_.port_rows().size();
  const auto fits = [](size_t rows, uint32_t mask) {
    return (rows & (rows - 1)) == 0 && mask == rows - 1;
  };
  if (!fits(vip_rows, params.vip_row_mask) || !fits(port_rows, params.port_row_mask)) {
    return Mismatch("%d VIP rows and %d port rows do not fit the masks %x and %x", vip_rows,
                    port_rows, params.vip_row_mask, params.port_row_mask);
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::Flags() {
  for (size_t i = 0; i < is_former_.size(); i++) {
    const lb_service& service = image_.services()[i];
    if (is_former_[i] || service.table == LB_TABLE_NONE) continue;
    flags_[service.vip] |= LB_VIP_ANSWERS_ECHO;
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::Vips() {
  for (uint32_t i = 0; i < image_.vips().size(); i++) {
    if (absl::Status status = Vip(i, image_.vips()[i]); !status.ok()) return status;
  }
  if (range_next_ != image_.port_ranges().size()) {
    return Mismatch("%d port ranges, of which VIPs name %d", image_.port_ranges().size(),
                    range_next_);
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::Vip(uint32_t index, const lb_vip& vip) {
  const lb_params& params = image_.params();
  const bool is_ipv6 = vip.family == LB_IPV6;
  Address address;
  std::memcpy(address.data(), vip.address, sizeof(vip.address));
  const uint32_t length_min = is_ipv6 ? 0 : 96;
  if (vip.family != FamilyOf(address) || vip.prefix_length < length_min ||
      vip.prefix_length > 128 || vip.flags != flags_[index]) {
    return Mismatch("VIP %d: family %d, prefix length %d or flags %d do not fit %s", index,
                    vip.family, vip.prefix_length, vip.flags, AddressText(address));
  }
  const lb_prefix_mask mask = PrefixMask(vip.prefix_length);
  if (vip.prefix_index >= params.prefix_count[is_ipv6] ||
      !SameMask(params.prefix[is_ipv6][vip.prefix_index], mask)) {
    return Mismatch("VIP %d: prefix index %d does not stand for length %d", index, vip.prefix_index,
                    vip.prefix_length);
  }
  uint64_t word[2];
  std::memcpy(word, vip.address, sizeof(word));
  if ((word[0] & ~mask.word[0]) != 0 || (word[1] & ~mask.word[1]) != 0) {
    return Mismatch("VIP %d: %s has bits beyond its prefix length %d", index, AddressText(address),
                    vip.prefix_length);
  }
  for (uint32_t transport = 0; transport < LB_TRANSPORTS; transport++) {
    const uint16_t any = vip.any_service[transport];
    if (any != LB_NONE && !Claim(any, index, transport)) {
      return Mismatch("VIP %d: its catch-all names service %d, which is another's", index, any);
    }
    if (absl::Status status = Ranges(index, vip, transport); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::Ranges(uint32_t index, const lb_vip& vip, uint32_t transport) {
  const uint32_t count = vip.range_count[transport];
  if (count == 0) return absl::OkStatus();
  const std::span<const lb_port_range> all = image_.port_ranges();
  if (vip.range_first[transport] != range_next_ || count > all.size() - range_next_) {
    return Mismatch("VIP %d: port ranges %d+%d of %d; expected from %d on", index,
                    vip.range_first[transport], count, all.size(), range_next_);
  }
  for (uint32_t i = range_next_; i < range_next_ + count; i++) {
    const lb_port_range& range = all[i];
    if (range.low > range.high || (i > range_next_ && range.low <= all[i - 1].high)) {
      return Mismatch("VIP %d: port range %d-%d is out of order", index, range.low, range.high);
    }
    if (!Claim(range.service, index, transport)) {
      return Mismatch("VIP %d: port range %d-%d names service %d, which is another's", index,
                      range.low, range.high, range.service);
    }
  }
  range_next_ += count;
  return absl::OkStatus();
}

absl::Status MatchVerifier::VipRows() {
  const lb_params& params = image_.params();
  std::vector<bool> found(image_.vips().size());
  size_t found_count = 0;
  for (uint32_t row = 0; row < image_.vip_rows().size(); row++) {
    for (const uint32_t cell : image_.vip_rows()[row].cell) {
      if (cell == 0) continue;
      const uint32_t index = (cell & 0xffff) - 1;
      if (index >= image_.vips().size() || found[index]) {
        return Mismatch("VIP row %d: a cell names VIP %d, unknown or named before", row, index);
      }
      const lb_vip& vip = image_.vips()[index];
      uint64_t word[2];
      std::memcpy(word, vip.address, sizeof(word));
      const uint64_t hash = lb_vip_hash(params.vip_seed, word[0], word[1], vip.prefix_index);
      if ((hash & params.vip_row_mask) != row || hash >> 48 != cell >> 16) {
        return Mismatch("VIP row %d: VIP %d does not belong there", row, index);
      }
      found[index] = true;
      found_count++;
    }
  }
  if (found_count != found.size()) {
    return Mismatch("%d of %d VIPs stand in a row", found_count, found.size());
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::PortRows() {
  for (uint32_t row = 0; row < image_.port_rows().size(); row++) {
    const std::span<const uint64_t> cells = image_.port_rows()[row].cell;
    for (size_t i = 0; i < cells.size(); i++) {
      if (cells[i] == 0) continue;
      if (absl::Status status = PortCell(row, cells[i]); !status.ok()) return status;
      for (size_t j = 0; j < i; j++) {
        if ((cells[j] & LB_PORT_KEY_MASK) == (cells[i] & LB_PORT_KEY_MASK)) {
          return Mismatch("port row %d: one port stands there twice", row);
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::PortCell(uint32_t row, uint64_t cell) {
  const lb_params& params = image_.params();
  const uint64_t key = cell & LB_PORT_KEY_MASK;
  const uint32_t vip = static_cast<uint16_t>(cell);
  const uint32_t transport = static_cast<uint8_t>(cell >> 48);
  if (cell >> 56 != 1 || (lb_port_hash(params.port_seed, key) & params.port_row_mask) != row) {
    return Mismatch("port row %d: cell %016x does not belong there", row, cell);
  }
  if (!Claim(lb_port_cell_service(cell), vip, transport)) {
    return Mismatch("port row %d: cell %016x names service %d, which is another's", row, cell,
                    lb_port_cell_service(cell));
  }
  return absl::OkStatus();
}

absl::Status MatchVerifier::EveryServiceMatches() {
  for (size_t i = 0; i < matches_.size(); i++) {
    if (matches_[i] == 0 && !is_former_[i]) return Mismatch("service %d is found by no port", i);
    if (matches_[i] != 0 && is_former_[i]) {
      return Mismatch("service %d is a former one, and found by a port", i);
    }
  }
  return absl::OkStatus();
}

bool MatchVerifier::Claim(uint32_t service, uint32_t vip, uint32_t transport) {
  if (service >= image_.services().size()) return false;
  const lb_service& record = image_.services()[service];
  if (record.vip != vip || record.transport != transport) return false;
  matches_[service]++;
  return true;
}

}  // namespace

absl::Status VerifyMatch(const ImageView& image) { return MatchVerifier(image).Run(); }

}  // namespace evenkeel
