#include "tools/churn/schedule.h"

#include <algorithm>

#include "tools/churn/dice.h"

namespace evenkeel {
namespace {

// One change, and what undoes it. `n` counts changes, so that every kind has its turn.
void AddChange(const ChurnOptions& options, uint32_t n, uint32_t second, Dice& dice,
               std::vector<ChurnEvent>* events) {
  const auto backend = [&] { return static_cast<uint16_t>(dice.Below(options.backends)); };
  const uint16_t added = static_cast<uint16_t>(options.backends + n);
  const uint32_t weight = 50 + dice.Below(100);
  switch (n % 6) {
    case 0:
      events->push_back({second, ChurnKind::kAdd, added, weight});
      break;
    case 1:
      events->push_back({second, ChurnKind::kWeigh, backend(), weight});
      break;
    case 2: {
      const uint16_t alarmed = backend();
      events->push_back({second, ChurnKind::kAlarm, alarmed});
      events->push_back({second + 20 + dice.Below(281), ChurnKind::kAllClear, alarmed});
      break;
    }
    case 3: {
      const uint16_t dead = backend();
      events->push_back({second, ChurnKind::kDie, dead});
      events->push_back({second + 120, ChurnKind::kRevive, dead});
      break;
    }
    case 4: {
      const uint16_t drained = backend();
      events->push_back({second, ChurnKind::kDrain, drained});
      events->push_back({second + 600, ChurnKind::kUndrain, drained, weight});
      break;
    }
    case 5:
      events->push_back({second, ChurnKind::kRemove, static_cast<uint16_t>(added - 5)});
      break;
  }
}

}  // namespace

uint16_t BackendsOf(const ChurnOptions& options) {
  return static_cast<uint16_t>(options.backends + options.changes);
}

std::vector<ChurnEvent> MakeSchedule(const ChurnOptions& options) {
  Dice dice(options.seed ^ 0x7363686564756c65ull);
  std::vector<ChurnEvent> events;
  for (uint32_t n = 0; n < options.changes; n++) {
    const uint32_t span = options.seconds / (options.changes + 1);
    AddChange(options, n, span * (n + 1) + dice.Below(span / 2 + 1), dice, &events);
  }
  for (uint32_t n = 0; n < options.node_failures; n++) {
    const uint32_t second = options.seconds / (options.node_failures + 1) * (n + 1);
    const uint16_t node = static_cast<uint16_t>(n % options.nodes);
    events.push_back({second, ChurnKind::kNodeFails, node});
    events.push_back({second + 60, ChurnKind::kNodeReturns, node});
  }
  std::ranges::stable_sort(events, {}, &ChurnEvent::second);
  return events;
}

}  // namespace evenkeel
