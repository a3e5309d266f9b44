#include "bpf/slot_arena.h"

#include <iterator>

namespace evenkeel {

std::optional<SlotArena::Place> SlotArena::Take(const Digest& digest, uint32_t rows) {
  if (const auto held = tables_.find(digest); held != tables_.end()) {
    ++held->second.users;
    return Place{held->second.first, false};
  }
  for (auto run = free_.begin(); run != free_.end(); ++run) {
    if (run->second < rows) continue;
    const uint32_t first = run->first;
    Carve(run, first, rows);
    tables_[digest] = {first, rows, 1};
    return Place{first, true};
  }
  return std::nullopt;
}

bool SlotArena::TakeAt(const Digest& digest, uint32_t first, uint32_t rows) {
  if (const auto held = tables_.find(digest); held != tables_.end()) {
    if (held->second.first != first || held->second.rows != rows) return false;
    ++held->second.users;
    return true;
  }
  auto run = free_.upper_bound(first);
  if (run == free_.begin()) return false;
  --run;
  if (uint64_t{first} + rows > uint64_t{run->first} + run->second) return false;
  Carve(run, first, rows);
  tables_[digest] = {first, rows, 1};
  return true;
}

void SlotArena::Carve(std::map<uint32_t, uint32_t>::iterator run, uint32_t first, uint32_t rows) {
  const auto [run_first, run_rows] = *run;
  free_.erase(run);
  if (first > run_first) free_[run_first] = first - run_first;
  const uint32_t end = run_first + run_rows;
  if (first + rows < end) free_[first + rows] = end - first - rows;
}

void SlotArena::Release(const Digest& digest) {
  const auto held = tables_.find(digest);
  if (held == tables_.end() || --held->second.users > 0) return;
  auto [first, rows, users] = held->second;
  tables_.erase(held);
  auto next = free_.lower_bound(first);
  if (next != free_.end() && next->first == first + rows) {
    rows += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == first) {
      before->second += rows;
      return;
    }
  }
  free_[first] = rows;
}

}  // namespace evenkeel
