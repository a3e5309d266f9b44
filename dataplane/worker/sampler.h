// Which packets of its bursts a worker samples, and what it writes of them.
//
// At rest a burst costs one comparison and one subtraction: the packets until the next sample are
// counted down a burst at a time. With sampling off they never come to an end.
//
//   sampler.Pick(burst.to_send, count);          // after they were classified
//   ... the burst is resolved ...
//   if (sampler.has_picked()) for (uint8_t i : sampler.picked()) sampler.Put(MakeSample(...));
//
// One worker's own.
#ifndef DATAPLANE_WORKER_SAMPLER_H_
#define DATAPLANE_WORKER_SAMPLER_H_

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/forward/batch.h"
#include "dataplane/forward/compiler.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/table_access.h"
#include "dataplane/table/sample_rings.h"

namespace evenkeel {

class Sampler {
 public:
  // Samples nothing.
  Sampler() = default;
  Sampler(const SampleRing& ring, uint64_t seed) : writer_(ring), random_(seed | 1) {}

  // Chooses among the packets of a burst, by their positions.
  void Pick(const uint8_t* positions, uint32_t count) {
    picked_count_ = 0;
    if (!writer_) return;
    if (LB_LIKELY(writer_->every() == every_ && skip_ >= count)) {
      skip_ -= count;
      return;
    }
    PickSome(positions, count);
  }
  bool has_picked() const { return picked_count_ != 0; }
  std::span<const uint8_t> picked() const { return {picked_, picked_count_}; }

  // Only what was picked.
  void Put(lb_sample sample);

 private:
  void PickSome(const uint8_t* positions, uint32_t count);
  uint32_t Random();

  std::optional<SampleWriter> writer_;
  uint64_t random_ = 1;  // never 0
  uint64_t skip_ = UINT64_MAX;
  uint32_t every_ = 0;  // that skip_ was drawn for
  uint32_t picked_count_ = 0;
  uint8_t picked_[LB_BATCH_MAX];
};

// `frame` as it came. Nothing: the packet is of no flow of its own (an echo request, an ICMP
// error).
std::optional<lb_sample> MakeSample(const lb_view& view, const uint8_t* frame, const lb_flow& flow,
                                    const lb_decision& decision);

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_SAMPLER_H_
