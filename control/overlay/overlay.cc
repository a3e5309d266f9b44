#include "control/overlay/overlay.h"

#include <algorithm>

namespace evenkeel {
namespace {

class Overlay {
 public:
  explicit Overlay(std::span<const OverlayMember> members)
      : members_(members), choice_(WeightsOf(members)) {
    uint16_t highest = 0;
    for (const OverlayMember& member : members) highest = std::max(highest, member.lease);
    places_.resize(highest + 1u);
    for (size_t place = 0; place < members.size(); place++) {
      places_[members[place].lease] = static_cast<uint32_t>(place);
      ramp_ids_.push_back(MixedId(members[place].id, kRampSeed));
    }
  }

  uint16_t OwnerOf(uint32_t slot, uint16_t base) const {
    if (Takes(places_[base], slot)) return base;
    auto place = choice_.Choose(slot, [&](size_t p) { return Takes(p, slot); });
    if (!place) place = choice_.Choose(slot, [&](size_t p) { return members_[p].steps != 0; });
    return place ? members_[*place].lease : base;
  }

 private:
  static std::vector<FillBackend> WeightsOf(std::span<const OverlayMember> members) {
    std::vector<FillBackend> weights;
    for (const OverlayMember& member : members) weights.push_back({member.id, member.weight});
    return weights;
  }

  bool Takes(size_t place, uint32_t slot) const {
    const uint8_t steps = members_[place].steps;
    if (steps == 0 || steps >= LB_RAMP_STEPS) return steps != 0;
    return RampClass(ramp_ids_[place], slot) < steps;
  }

  std::span<const OverlayMember> members_;
  Rendezvous choice_;
  std::vector<uint32_t> places_;  // by lease
  std::vector<uint64_t> ramp_ids_;
};

}  // namespace

std::vector<uint16_t> OverlaidOwners(std::span<const lb_slot> base,
                                     std::span<const OverlayMember> members) {
  std::vector<uint16_t> owners(base.size());
  std::ranges::transform(base, owners.begin(), lb_slot_backend);
  const auto is_in = [](const OverlayMember& member) { return member.steps >= LB_RAMP_STEPS; };
  if (std::ranges::all_of(members, is_in)) return owners;
  const Overlay overlay(members);
  for (uint32_t slot = 0; slot < owners.size(); slot++) {
    owners[slot] = overlay.OwnerOf(slot, owners[slot]);
  }
  return owners;
}

}  // namespace evenkeel
