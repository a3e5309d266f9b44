// Recorded packets through the forwarding core, counted: who gets how much, what is dropped and
// why, who sends most, and which flows would go elsewhere than with the base's tables.
//
// One thread. Memory grows with the number of distinct flows, some 10 bytes each.
//
//   Simulation simulation(*candidate_core, base_core.get());
//   while (capture.Next(&frame)) simulation.Add(frame.begin, frame.end);
//   v1::SimulateReply reply = simulation.Result();
#ifndef TOOLS_EVENKEEL_SIMULATE_RUN_H_
#define TOOLS_EVENKEEL_SIMULATE_RUN_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "control/api/evenkeel.pb.h"
#include "control/config/address.h"
#include "control/sample/space_saving.h"
#include "tools/evenkeel/offline_core.h"

namespace evenkeel::cli {

// A flow as people know it.
struct FlowTuple {
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;  // host order
  uint16_t destination_port = 0;
  uint8_t protocol = 0;

  auto operator<=>(const FlowTuple&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const FlowTuple& flow) {
    return H::combine(std::move(state), flow.source, flow.destination, flow.source_port,
                      flow.destination_port, flow.protocol);
  }
};

class Simulation {
 public:
  // `base` may be null: then nothing can move. Both outlive the simulation.
  Simulation(const OfflineCore& candidate, const OfflineCore* base);

  void Add(const uint8_t* begin, const uint8_t* end);

  v1::SimulateReply Result() const;

 private:
  struct Counter {
    uint64_t packets = 0;
    uint64_t flows = 0;
  };

  void CountFlow(const uint8_t* begin, const lb_flow& flow, const Fate& now, const Fate& before);
  v1::SimulateService ResultOf(uint16_t service) const;

  const OfflineCore& candidate_;
  const OfflineCore* const base_;
  uint64_t packets_ = 0;
  uint64_t forwarded_ = 0;
  std::array<uint64_t, LB_REASON_COUNT> reasons_{};
  std::vector<Counter> counters_;        // of (service, backend), the candidate's
  std::vector<uint64_t> moved_;          // flows, by the candidate's service
  absl::flat_hash_set<uint64_t> flows_;  // keyed hashes of the tuples that were seen
  uint64_t flows_moved_ = 0;
  SpaceSaving<IpAddress> sources_;
  SpaceSaving<FlowTuple> heavy_flows_;
};

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_SIMULATE_RUN_H_
