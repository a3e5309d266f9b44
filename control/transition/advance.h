// From what the planes run to what they shall run: each slot with its transition.
//
// The same function makes every image: of an applied change, of a backend that fell or came back,
// of a sweep's evidence, and the way back of a trial, for which the trial's image is what runs.
// Pure: the same input gives the same bytes.
//
//   absl::StatusOr<Advanced> next = Advance({.running = ..., .next = ..., .now_ns = boot_now});
//   pool.effective = Table::Create(next->slots[i]);
#ifndef CONTROL_TRANSITION_ADVANCE_H_
#define CONTROL_TRANSITION_ADVANCE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "control/transition/slot_rule.h"
#include "control/transition/tail_evidence.h"
#include "dataplane/table/records.h"

namespace evenkeel {

struct RunningPool {
  uint64_t id = 0;
  std::span<const lb_slot> slots;  // of its effective table; empty: it has none
};

struct NextPool {
  uint64_t id = 0;
  std::span<const uint16_t> owners;  // backend index of each slot (OverlaidOwners())
  uint64_t idle_ns = 0;
};

struct AdvanceInput {
  std::span<const RunningPool> running;
  std::span<const lb_transition> transitions;  // the running image's, entry 0 reserved
  std::span<const NextPool> next;
  // Whether a backend's slots move away because it is out: suspect, dead, without a verdict.
  std::function<bool(uint16_t)> has_failed;
  const TailEvidence* evidence = nullptr;  // null: no tail ends
  uint64_t now_ns = 0;                     // CLOCK_BOOTTIME; of a way back: the trial's deadline
  uint64_t open_at_least_ns = 0;           // of a trial: its deadline; else 0
};

// What became of the slots, over all pools.
struct AdvanceCounts {
  uint64_t opened = 0;  // of moved slots: a new window
  uint64_t moved = 0;   // opened ones included
  uint64_t open = 0;    // open or armed afterwards
  uint64_t tail = 0;    // in tail afterwards
  uint64_t ended = 0;   // tails that became pure, structural changes that are over
};

struct Advanced {
  // Slots of each next pool, in their order, referring to `transitions` (ImageSpec's: reference n
  // is position n - 1). A pool that did not run with as many slots is pure: a structural change.
  std::vector<std::vector<lb_slot>> slots;
  std::vector<lb_transition> transitions;
  AdvanceCounts counts;
  // Windows were made longer, up to this grid, so that fewer records do; 0: none.
  uint64_t grid_ns = 0;
};

// ResourceExhausted: more transitions than an image holds, whatever their windows are rounded to.
absl::StatusOr<Advanced> Advance(const AdvanceInput& input);

}  // namespace evenkeel

#endif  // CONTROL_TRANSITION_ADVANCE_H_
