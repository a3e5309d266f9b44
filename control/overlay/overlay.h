// The overlay: who takes each slot while some backends cannot, or not yet all of theirs.
//
// Each backend has `steps` of LB_RAMP_STEPS: 0 is out (suspect, dead, without a first verdict), all
// of them is in, between lies a slow start. A backend takes a slot only if the slot's ramp class
// for it, an even number below LB_RAMP_STEPS, is below its steps. So a slot whose owner in the base
// table takes it stays; any other goes to its next choice (rendezvous.h) among those that take it;
// where none does, among those that are in at all; where none is, it stays. Hence
//   - only slots of backends with steps withheld differ from the base table,
//   - the result depends on the steps alone, never on the order in which they came about,
//   - one step more for a backend gives it slots and moves no other,
//   - two nodes that disagree about one backend agree on every slot that it takes on neither.
// Pure functions, any thread. Cost: slots moved x backends.
//
//   std::vector<uint16_t> owners = OverlaidOwners(base->slots(), members);
#ifndef CONTROL_OVERLAY_OVERLAY_H_
#define CONTROL_OVERLAY_OVERLAY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "control/overlay/rendezvous.h"
#include "dataplane/table/records.h"

namespace evenkeel {

// A backend that the base table is filled for.
struct OverlayMember {
  uint64_t id = 0;
  uint32_t weight = 0;
  uint16_t lease = LB_NONE;
  uint8_t steps = LB_RAMP_STEPS;  // 0: out
};

inline constexpr uint64_t kRampSeed = 0x736c6f7773746172ull;  // "slowstar"

// 0 .. LB_RAMP_STEPS - 1; even and independent of the next choice. `mixed_id` is MixedId() of the
// backend's id and kRampSeed.
constexpr uint32_t RampClass(uint64_t mixed_id, uint32_t slot) {
  return static_cast<uint32_t>(SlotHash(mixed_id, slot) % LB_RAMP_STEPS);
}

// The backend index that takes each slot. `base` names members only.
std::vector<uint16_t> OverlaidOwners(std::span<const lb_slot> base,
                                     std::span<const OverlayMember> members);

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_OVERLAY_H_
