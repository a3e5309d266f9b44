#include "control/health/outer_header.h"

#include <algorithm>

#include "dataplane/forward/encap.h"

namespace evenkeel {
namespace {

// The first `length` bits are set.
void SetMask(int length, uint8_t* mask, int bytes) {
  for (int bit = 0; bit < std::min(length, 8 * bytes); ++bit) {
    mask[bit / 8] |= static_cast<uint8_t>(0x80u >> (bit % 8));
  }
}

}  // namespace

OuterHeader::OuterHeader(const Network& network) {
  if (const auto& source = network.encap_source.ipv4) {
    std::copy_n(&source->address().bytes()[12], 4, params_.encap_source4);
    SetMask(source->length(), params_.encap_mask4, 4);
  }
  if (const auto& source = network.encap_source.ipv6) {
    std::copy_n(source->address().bytes().data(), 16, params_.encap_source6);
    SetMask(source->length(), params_.encap_mask6, 16);
  }
}

size_t OuterHeader::Write(const IpAddress& backend, uint32_t varying,
                          absl::Span<uint8_t> packet) const {
  const unsigned version = packet.empty() ? 0 : packet[0] >> 4;
  if (version != 4 && version != 6) return 0;
  if (packet.size() < (version == 4 ? sizeof(lb_ipv4) : sizeof(lb_ipv6))) return 0;

  lb_flow flow{};
  flow.hash = uint64_t{varying} << 32;  // the signature
  flow.ip_length = static_cast<uint16_t>(packet.size());
  flow.family = version == 4 ? LB_IPV4 : LB_IPV6;
  flow.tos = version == 4 ? packet[1] : static_cast<uint8_t>(packet[0] << 4 | packet[1] >> 4);

  lb_backend record{};
  std::copy(backend.bytes().begin(), backend.bytes().end(), record.address);
  uint8_t* end = packet.data() + packet.size();
  if (backend.is_ipv4()) {
    record.outer_sum = lb_outer_sum(&params_, &record.address[12]);
    lb_write_outer4(packet.data() - sizeof(lb_ipv4), end, &params_, &record, &flow);
    return sizeof(lb_ipv4);
  }
  lb_write_outer6(packet.data() - sizeof(lb_ipv6), end, &params_, &record, &flow);
  return sizeof(lb_ipv6);
}

}  // namespace evenkeel
