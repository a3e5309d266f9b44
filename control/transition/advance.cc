#include "control/transition/advance.h"

#include <algorithm>
#include <utility>

#include "control/transition/transition_set.h"

namespace evenkeel {
namespace {

// Ends of windows in whole steps of this length. Tried in turn until the records fit.
constexpr uint64_t kGridsNs[] = {0, 10 * kSecondNs, 60 * kSecondNs, 600 * kSecondNs};

uint64_t RoundUp(uint64_t ns, uint64_t grid_ns) {
  return grid_ns == 0 ? ns : (ns + grid_ns - 1) / grid_ns * grid_ns;
}

class Advancer {
 public:
  Advancer(const AdvanceInput& input, uint64_t grid_ns)
      : input_(input), grid_ns_(grid_ns), set_(input.transitions) {}

  absl::StatusOr<Advanced> Run() {
    std::vector<std::vector<uint32_t>> numbers;
    for (const NextPool& pool : input_.next) numbers.push_back(NumbersOf(pool));
    const absl::StatusOr<std::vector<uint16_t>> references = set_.Finish();
    if (!references.ok()) return references.status();

    Advanced result{.counts = counts_, .grid_ns = grid_ns_};
    for (size_t i = 0; i < numbers.size(); i++) {
      std::vector<lb_slot>& slots = result.slots.emplace_back(numbers[i].size());
      for (size_t slot = 0; slot < slots.size(); slot++) {
        const lb_slot reference = (*references)[numbers[i][slot]];
        slots[slot] = input_.next[i].owners[slot] | reference << 16;
      }
    }
    result.transitions = set_.TakeRecords();
    return result;
  }

 private:
  // The number of each slot's record in set_; 0: pure.
  std::vector<uint32_t> NumbersOf(const NextPool& pool) {
    std::vector<uint32_t> numbers(pool.owners.size());
    const auto running = std::ranges::find(input_.running, pool.id, &RunningPool::id);
    if (running == input_.running.end() || running->slots.size() != numbers.size()) return numbers;
    const MoveTimes times{.now_ns = input_.now_ns,
                          .idle_ns = pool.idle_ns,
                          .open_at_least_ns = input_.open_at_least_ns};
    for (uint32_t slot = 0; slot < numbers.size(); slot++) {
      const lb_slot before = running->slots[slot];
      if (before == pool.owners[slot]) continue;  // pure, and stays
      numbers[slot] = lb_slot_backend(before) == pool.owners[slot]
                          ? Stay(pool, slot, lb_slot_transition(before))
                          : Move(before, times);
    }
    return numbers;
  }

  uint32_t Move(lb_slot before, const MoveTimes& times) {
    const uint16_t reference = lb_slot_transition(before);
    const uint16_t from = lb_slot_backend(before);
    const lb_transition* running = reference == 0 ? nullptr : &input_.transitions[reference];
    const bool was_open = running != nullptr && IsOpen(*running, times.now_ns);
    const lb_transition moved = MoveSlot(running, from, input_.has_failed(from), times);
    counts_.moved++;
    counts_.open++;
    counts_.opened += !was_open;
    return AddOnGrid(moved);
  }

  uint32_t Stay(const NextPool& pool, uint32_t slot, uint16_t reference) {
    const lb_transition& running = input_.transitions[reference];
    if (!IsTail(running, input_.now_ns)) {
      counts_.open++;
      return KeepOpen(running, reference);
    }
    // Only a reading begun after the windows' end has seen every entry that they made.
    const TailEvidence* evidence = input_.evidence;
    if (evidence != nullptr && IsTail(running, evidence->begun_ns()) &&
        evidence->IsSlotClear(pool.id, slot)) {
      counts_.ended++;
      return 0;
    }
    counts_.tail++;
    return set_.Add(TailRecord());
  }

  uint32_t KeepOpen(lb_transition running, uint16_t reference) {
    const bool ends_early =
        IsOpen(running, input_.now_ns) && running.open_until_ns <= input_.open_at_least_ns;
    if (ends_early) running.open_until_ns = OpenUntil(0, input_.open_at_least_ns);
    return grid_ns_ == 0 && !ends_early ? set_.Keep(reference) : AddOnGrid(running);
  }

  uint32_t AddOnGrid(lb_transition record) {
    record.open_until_ns = RoundUp(record.open_until_ns, grid_ns_);
    record.armed_until_ns = RoundUp(record.armed_until_ns, grid_ns_);
    if (!IsArmed(record, input_.now_ns)) {
      record.armed_until_ns = 0;
      record.armed_previous = LB_NONE;
    }
    return set_.Add(record);
  }

  const AdvanceInput& input_;
  const uint64_t grid_ns_;
  TransitionSet set_;
  AdvanceCounts counts_;
};

}  // namespace

absl::StatusOr<Advanced> Advance(const AdvanceInput& input) {
  absl::StatusOr<Advanced> result = absl::InternalError("no grid");
  for (const uint64_t grid_ns : kGridsNs) {
    result = Advancer(input, grid_ns).Run();
    if (result.ok()) break;
  }
  return result;
}

}  // namespace evenkeel
