// Which slots of a table a canary has first, and how it widens.
//
// Slots are taken by their index through a fixed permutation, so that a slice is an even sample of
// every backend's slots, and slices nest: what is in the 5 % is in the 25 % too, so that a slot
// moves at most once while a canary widens. Which flows a slice has is the secret of the cluster's
// key, as with every slot.
//
//   IsInSlice(slot, 16, 5)        // true for 5 % of the 65,536 slots
//   CanaryStages(5)               // 5, 25, 100
//
// Pure.
#ifndef CONTROL_CANARY_SLICE_H_
#define CONTROL_CANARY_SLICE_H_

#include <cstdint>
#include <vector>

namespace evenkeel {

inline constexpr int kCanaryPercentMin = 1;
inline constexpr int kCanaryPercentMax = 50;  // more is no slice

// Exactly `percent` of the table's 2^slots_log2 slots, rounded down. Images have 2^12 and more,
// but it holds of any table.
bool IsInSlice(uint32_t slot, int slots_log2, int percent);

// What follows a stage: five times as much, 100 at last.
int NextCanaryPercent(int percent);
// All of them, from the first one.
std::vector<int> CanaryStages(int first_percent);

}  // namespace evenkeel

#endif  // CONTROL_CANARY_SLICE_H_
