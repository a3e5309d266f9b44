#include "control/sample/decide_sample.h"

#include <utility>

#include "dataplane/forward/decide.h"

namespace evenkeel {

SampleDecider::SampleDecider(std::shared_ptr<const ImageView> image)
    : image_(std::move(image)), view_(*image_) {}

SampleFate SampleDecider::Decide(const lb_sample& sample) {
  packet_.Become(sample);
  lb_flow flow{};
  SampleFate fate;
  fate.verdict = lb_classify(view_.get(), packet_.begin(), packet_.end(), &flow);
  fate.reason = flow.reason;
  if (fate.verdict != LB_FORWARD) return fate;
  lb_decision decision{};
  fate.verdict = lb_resolve(view_.get(), packet_.begin(), packet_.end(), &flow, &decision);
  fate.reason = decision.reason;
  fate.service = flow.service;
  fate.backend = decision.backend;
  fate.hash = flow.hash;
  return fate;
}

}  // namespace evenkeel
