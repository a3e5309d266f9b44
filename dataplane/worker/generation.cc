#include "dataplane/worker/generation.h"

#include <cstring>
#include <utility>

namespace evenkeel {
namespace {

Address AddressOf(const lb_next_hop& hop) {
  Address address;
  std::memcpy(address.data(), hop.address, address.size());
  return address;
}

uint64_t InitialWord(const lb_next_hop& hop, const NextHopLookup& lookup) {
  if (hop.has_static_mac == 0) return lookup(AddressOf(hop));
  return lb_next_hop_word(hop.static_mac);
}

}  // namespace

Generation::Generation(std::shared_ptr<const ImageView> image, uint32_t workers,
                       const std::array<uint8_t, 6>& port_mac, const NextHopLookup& lookup)
    : image_(std::move(image)),
      next_hops_(std::make_unique<uint64_t[]>(image_->next_hops().size() + 1)),
      counters_(std::make_shared<Counters>()) {
  for (uint32_t i = 0; i < workers; ++i) counters_->emplace_back(image_->counter_count());
  for (size_t i = 0; i < image_->next_hops().size(); ++i) {
    next_hops_[i] = InitialWord(image_->next_hops()[i], lookup);
  }
  view_.params = &image_->params();
  view_.vips = image_->vips().data();
  view_.vip_rows = image_->vip_rows().data();
  view_.port_rows = image_->port_rows().data();
  view_.port_ranges = image_->port_ranges().data();
  view_.services = image_->services().data();
  view_.backends = image_->backends().data();
  view_.pools = image_->pools().data();
  view_.backend_count = static_cast<uint32_t>(image_->backends().size());
  view_.transitions = image_->transitions().data();
  view_.next_hops = next_hops_.get();
  has_moved_ = image_->transitions().size() > 1;
  for (const lb_service& service : image_->services()) has_moved_ |= service.former != LB_NONE;
  std::memcpy(view_.port_mac, port_mac.data(), port_mac.size());
}

void Generation::SetNextHop(const Address& address, uint64_t word) const {
  const auto hops = image_->next_hops();
  for (size_t i = 0; i < hops.size(); ++i) {
    if (hops[i].has_static_mac != 0 || AddressOf(hops[i]) != address) continue;
    __atomic_store_n(&next_hops_[i], word, __ATOMIC_RELAXED);
  }
}

}  // namespace evenkeel
