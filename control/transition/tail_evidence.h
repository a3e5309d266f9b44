// What the planes' flow tables hold, as far as it ends tails and frees indices.
//
// Made by one reading of every flow table of every plane, begun after the running image was
// published everywhere (before that, entries may still come about that it would not see). A value;
// one thread.
//
//   TailEvidence evidence(boot_now_ns);
//   for (each entry) evidence.Add({pool_id, slot, backend, is_current});
#ifndef CONTROL_TRANSITION_TAIL_EVIDENCE_H_
#define CONTROL_TRANSITION_TAIL_EVIDENCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace evenkeel {

// An entry of a flow table that is not free, whatever its class or age.
struct TailEntry {
  uint64_t pool = 0;             // id of the pool whose backend it names
  std::optional<uint32_t> slot;  // unset: the entry doesn't tell (affinity: client)
  uint16_t backend = 0;          // index
  // The slot's owner in the running image is this backend: with or without the entry, its packets
  // go there, so that it keeps no tail alive.
  bool is_current = false;
};

class TailEvidence {
 public:
  // `begun_ns`: CLOCK_BOOTTIME when the reading began.
  explicit TailEvidence(uint64_t begun_ns) : begun_ns_(begun_ns) {}

  void Add(const TailEntry& entry);

  uint64_t begun_ns() const { return begun_ns_; }
  // No flow of this slot would go elsewhere if the slot were pure.
  bool IsSlotClear(uint64_t pool, uint32_t slot) const;
  // The same of every slot of the pool.
  bool IsPoolClear(uint64_t pool) const;
  uint64_t EntriesOf(uint16_t backend) const;
  uint64_t entries() const { return entries_; }

 private:
  struct PoolFlows {
    std::vector<bool> held;     // by slot; shorter than the table: the rest is clear
    bool has_slotless = false;  // one entry at least that doesn't tell its slot
  };

  uint64_t begun_ns_;
  uint64_t entries_ = 0;
  absl::flat_hash_map<uint64_t, PoolFlows> pools_;
  std::vector<uint64_t> by_backend_;
};

}  // namespace evenkeel

#endif  // CONTROL_TRANSITION_TAIL_EVIDENCE_H_
