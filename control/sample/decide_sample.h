// What an image's tables do with a sampled packet: the forwarding core itself, over the image that
// planes run or that somebody thinks of publishing.
//
//   SampleDecider decider(image);
//   SampleFate fate = decider.Decide(sample);
//
// Slots in transition go by their current backends: what is asked is where the tables lead, not
// what a flow that began before a change still follows. One thread.
#ifndef CONTROL_SAMPLE_DECIDE_SAMPLE_H_
#define CONTROL_SAMPLE_DECIDE_SAMPLE_H_

#include <cstdint>
#include <memory>

#include "control/sample/core_view.h"
#include "control/sample/sample_packet.h"
#include "dataplane/forward/verdict.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

struct SampleFate {
  lb_verdict verdict = LB_DROP;
  uint8_t reason = LB_REASON_none;  // enum lb_reason
  uint16_t service = LB_NONE;       // index in the image; LB_NONE: it matches none
  uint16_t backend = LB_NONE;       // index, a lease
  uint64_t hash = 0;                // means nothing without a service
};

class SampleDecider {
 public:
  explicit SampleDecider(std::shared_ptr<const ImageView> image);

  SampleFate Decide(const lb_sample& sample);
  const ImageView& image() const { return *image_; }

 private:
  const std::shared_ptr<const ImageView> image_;
  const CoreView view_;
  SamplePacket packet_;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_DECIDE_SAMPLE_H_
