// What the flow tables tell about who is still needed: read by control, by any process, at any
// time.
//
//   absl::StatusOr<std::vector<FlowRegion>> tables = ReadFlowTables(directory);      // DPDK
//   FlowEvidence evidence(tick, [&](uint16_t backend) { return idle of its pool; });
//   for (const FlowRegion& region : *tables) evidence.Add(region.buckets());
//   evidence.of(7).flows        // a backend's connections: drain's forecast, the lease of its
//   index evidence.Names(slot, k, 7)  // whether the slot's tail has to go on
//
// A flow that a table loses while it is read is one that was lost; one that comes is in the next
// look: evidence is that two looks in a row found nothing, or one look after the last packet could
// have come.
#ifndef DATAPLANE_TABLE_FLOW_EVIDENCE_H_
#define DATAPLANE_TABLE_FLOW_EVIDENCE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "dataplane/table/flow_records.h"
#include "dataplane/table/records.h"

namespace evenkeel {

// Of one backend. Pending ones are handshakes that may never be completed.
struct BackendFlows {
  uint64_t flows = 0;  // firm, or made by a miss
  uint64_t closing = 0;
  uint64_t pending = 0;
  uint32_t youngest_ticks = LB_STAMP_MASK;  // since a packet of the flow that spoke last
  uint32_t oldest_ticks = 0;                // and of the one that has been silent the longest
};

class FlowEvidence {
 public:
  // `tick`: lb_tick_of(BootTimeNs()). `idle_ticks`: of the pool of a backend; nothing where no
  // backend has that index. An entry that names none, or is older than idle, counts for nothing.
  using IdleOfBackend = std::function<std::optional<uint32_t>(uint16_t index)>;
  FlowEvidence(uint32_t tick, IdleOfBackend idle_ticks)
      : tick_(tick), idle_ticks_(std::move(idle_ticks)) {}

  void Add(std::span<const lb_flow_bucket> buckets);

  // Zeros for a backend that no entry names.
  BackendFlows of(uint16_t backend) const;
  const absl::flat_hash_map<uint16_t, BackendFlows>& backends() const { return backends_; }

  // Whether an entry for slot `slot` of 2^slots_log2 names the backend. An entry for a slot that
  // goes to its backend by itself is no reason to keep the slot in tail. Means nothing where the
  // slot comes from another hash than the entry (affinity `client`): there of(backend) has to do.
  bool Names(uint32_t slot, uint32_t slots_log2, uint16_t backend) const;
  // Every (slot, backend) that is named, for 2^slots_log2 slots; `visit(slot, backend)`, some more
  // than once.
  void ForEachSlot(uint32_t slots_log2,
                   const std::function<void(uint32_t slot, uint16_t backend)>& visit) const;

 private:
  // Top LB_SLOTS_LOG2_MAX bits of the hash << 16 | backend: more slots than that no table has.
  absl::flat_hash_set<uint64_t> slots_;
  absl::flat_hash_map<uint16_t, BackendFlows> backends_;
  const uint32_t tick_;
  const IdleOfBackend idle_ticks_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FLOW_EVIDENCE_H_
