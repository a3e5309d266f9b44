// One generation as workers use it: a verified image, the core's view of it, the MACs of its next
// hops and the counters that its numbering gives meaning to. Made by the manager thread, swapped in
// by Plane, freed when no worker can hold it any more.
#ifndef DATAPLANE_WORKER_GENERATION_H_
#define DATAPLANE_WORKER_GENERATION_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/forward/table_access.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/image_view.h"
#include "dataplane/worker/counters.h"

namespace evenkeel {

// The word of a next hop as records.h describes it: MAC and LB_NEXT_HOP_VALID; 0 while unknown.
using NextHopLookup = std::function<uint64_t(const Address&)>;

class Generation {
 public:
  Generation(std::shared_ptr<const ImageView> image, uint32_t workers,
             const std::array<uint8_t, 6>& port_mac, const NextHopLookup& lookup);

  const lb_view& view() const { return view_; }  // workers: ro
  const ImageView& image() const { return *image_; }
  uint64_t number() const { return image_->generation(); }
  // Whether any slot or service of it has moved: then its packets are judged by the clock.
  bool has_moved() const { return has_moved_; }

  // Each worker writes its own and nobody else's; the manager reads all.
  GenerationCounters& counters(uint32_t worker) const { return (*counters_)[worker]; }

  // Manager. Takes effect in every worker's next packet; a MAC set by the configuration stays.
  void SetNextHop(const Address& address, uint64_t word) const;

  // Outlives the generation until the manager has folded it into its totals.
  using Counters = std::vector<GenerationCounters>;
  const std::shared_ptr<Counters>& shared_counters() const { return counters_; }
  const std::shared_ptr<const ImageView>& shared_image() const { return image_; }

 private:
  std::shared_ptr<const ImageView> image_;
  std::unique_ptr<uint64_t[]> next_hops_;  // manager: wo, workers: ro; aligned words, relaxed
  std::shared_ptr<Counters> counters_;
  lb_view view_{};
  bool has_moved_ = false;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_GENERATION_H_
