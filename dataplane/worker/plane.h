// What all workers of a plane share, and what its manager thread does with it: swaps generations,
// folds the counters of retired ones, answers for the whole.
//
// Counters are cumulative since the plane's start whatever was published in between: a retired
// generation's counts are added to totals by (service id, backend id), and a snapshot is totals
// plus what still runs.
//
//   Plane plane(workers, port.mac());
//   ... workers run with plane.swap() and plane.worker(i) ...
//   absl::Status installed = plane.Install(image, lookup);     // manager, from PlaneStore
#ifndef DATAPLANE_WORKER_PLANE_H_
#define DATAPLANE_WORKER_PLANE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "dataplane/table/flow_region.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/quiescent.h"
#include "dataplane/table/sample_rings.h"
#include "dataplane/table/stats.h"
#include "dataplane/worker/counters.h"
#include "dataplane/worker/generation.h"

namespace evenkeel {

class Plane {
 public:
  Plane(uint32_t workers, const std::array<uint8_t, 6>& port_mac);

  // Before the workers are made: a table of tracked flows for each of them. Without, flows are not
  // tracked.
  void TrackFlows(std::vector<FlowRegion> tables) { flows_ = std::move(tables); }

  // Likewise: where each of them puts sampled headers. Without, nothing is sampled.
  void SampleTo(SampleMemory memory) { samples_.emplace(std::move(memory)); }

  // Workers and manager, each by its own half of the interface.
  QuiescentSwap<Generation>& swap() { return swap_; }
  // Worker `i`: wo, manager: ro.
  WorkerCounters& worker(uint32_t i) { return workers_[i]; }
  const WorkerCounters& worker(uint32_t i) const { return workers_[i]; }
  // Worker `i`: rw, manager: ro. Null: flows are not tracked.
  const FlowRegion* flows(uint32_t i) const { return i < flows_.size() ? &flows_[i] : nullptr; }
  // Worker `i`: the writing end. Nothing: nothing is sampled.
  std::optional<SampleRing> samples(uint32_t i) const {
    return samples_ ? std::optional(samples_->ring(i)) : std::nullopt;
  }
  uint32_t worker_count() const { return static_cast<uint32_t>(workers_.size()); }

  // All below: manager thread.

  // Swaps the image in and waits, bounded, until no worker uses the former one. A worker that hangs
  // delays only the freeing: it is named by Alarms(), and the image is in use all the same.
  absl::Status Install(std::shared_ptr<const ImageView> image, const NextHopLookup& lookup);
  // Frees what a hanging worker kept the last Install() from freeing. Called every now and then.
  void Tidy();
  void SetNextHop(const Address& address, uint64_t word);
  const Generation* current() const { return swap_.current(); }

  // Counters of everything; `lcores` of the workers in their order.
  void FillStats(const std::vector<unsigned>& lcores, StatsSnapshot* stats) const;
  std::vector<std::string> Alarms() const;

 private:
  struct FlowTotal {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t new_flows = 0;
  };
  using FlowTotals = absl::flat_hash_map<std::pair<uint64_t, uint64_t>, FlowTotal>;
  // Counters that are not yet in the totals: those in use, and those that a worker may still write.
  struct Unfolded {
    std::shared_ptr<const ImageView> image;
    std::shared_ptr<Generation::Counters> counters;
  };

  static void Fold(const Unfolded& counted, FlowTotals* totals);

  QuiescentSwap<Generation> swap_;
  std::vector<WorkerCounters> workers_;
  std::array<uint8_t, 6> port_mac_;
  std::vector<FlowRegion> flows_;
  std::optional<SampleMemory> samples_;
  std::vector<Unfolded> unfolded_;  // oldest first; the last is the current generation's
  FlowTotals totals_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_PLANE_H_
