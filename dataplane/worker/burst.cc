#include "dataplane/worker/burst.h"

#include <rte_prefetch.h>

#include <optional>

#include "dataplane/forward/batch.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/plain.h"
#include "dataplane/worker/mbuf_edit.h"

namespace evenkeel {
namespace {

void PrefetchHeaders(const Burst& burst) {
  for (uint16_t i = 0; i < burst.count; ++i) {
    const uint8_t* frame = FrameStart(burst.packet[i]);
    rte_prefetch0(frame);
    __builtin_prefetch(frame - RTE_CACHE_LINE_SIZE, 1);  // the outer header goes there
  }
}

// Leaves in `to_send` those that need a backend (or an answer).
void Classify(const lb_view& view, Burst* burst) {
  lb_batch_begin(&view, &burst->batch, &burst->memo);
  for (uint16_t i = 0; i < burst->count; ++i) {
    const uint8_t position = static_cast<uint8_t>(i);
    const rte_mbuf* packet = burst->packet[i];
    lb_flow* flow = &burst->flow[i];
    if (packet->nb_segs != 1) {
      burst->Refuse(position, LB_REASON_not_linear);
      continue;
    }
    if (lb_batch_add(&view, &burst->batch, &burst->memo, FrameStart(packet), FrameEnd(packet), flow,
                     position) != LB_FORWARD) {
      burst->Refuse(position, static_cast<lb_reason>(flow->reason));
      continue;
    }
    burst->to_send[burst->to_send_count++] = position;
  }
  lb_batch_finish(&view, &burst->batch, burst->flow);
}

void PrefetchBackends(const lb_view& view, const Burst& burst) {
  for (uint16_t i = 0; i < burst.to_send_count; ++i) {
    lb_prefetch_backend(&view, &burst.flow[burst.to_send[i]]);
  }
}

// False: it is not to be sent, and refused.
bool ResolveOne(const lb_view& view, const FlowCounter* counters, uint8_t position, Burst* burst) {
  const rte_mbuf* packet = burst->packet[position];
  lb_decision* decision = &burst->decision[position];
  const lb_verdict verdict =
      lb_resolve(&view, FrameStart(packet), FrameEnd(packet), &burst->flow[position], decision);
  if (verdict != LB_FORWARD && verdict != LB_REPLY) {
    burst->Refuse(position, static_cast<lb_reason>(decision->reason));
    return false;
  }
  if (decision->reason == LB_REASON_too_big_reply && !burst->errors.Take(burst->now_tsc)) {
    burst->Refuse(position, LB_REASON_too_big_untold);
    return false;
  }
  __builtin_prefetch(&counters[decision->counter], 1);
  return true;
}

// As ResolveOne().
bool ApplyOne(const lb_view& view, uint8_t position, Burst* burst) {
  rte_mbuf* packet = burst->packet[position];
  lb_decision* decision = &burst->decision[position];
  if (!MakeRoom(packet, *decision)) {
    burst->Refuse(position, LB_REASON_no_headroom);
    return false;
  }
  const lb_verdict verdict =
      lb_apply(&view, FrameStart(packet), FrameEnd(packet), &burst->flow[position], decision);
  if (verdict != LB_FORWARD && verdict != LB_REPLY) {
    burst->Refuse(position, static_cast<lb_reason>(decision->reason));
    return false;
  }
  return true;
}

// Keeps in `to_send` those for which `step` says true, in order.
template <typename Step>
void KeepIf(Burst* burst, Step step) {
  uint16_t kept = 0;
  for (uint16_t i = 0; i < burst->to_send_count; ++i) {
    const uint8_t position = burst->to_send[i];
    if (step(position)) burst->to_send[kept++] = position;
  }
  burst->to_send_count = kept;
}

// Before the frames are changed, and with what was refused, which they still hold.
void Sample(const lb_view& view, Burst* burst) {
  for (const uint8_t position : burst->sampler.picked()) {
    const std::optional<lb_sample> sample =
        MakeSample(view, FrameStart(burst->packet[position]), burst->flow[position],
                   burst->decision[position]);
    if (sample) burst->sampler.Put(*sample);
  }
}

// A burst in which nothing is sampled: backend and frame in one step.
void Forward(const lb_view& view, const FlowCounter* counters, Burst* burst) {
  lb_plain plain;
  lb_plain_begin(&plain, &view);
  KeepIf(burst, [&](uint8_t position) {
    rte_mbuf* packet = burst->packet[position];
    const lb_flow* flow = &burst->flow[position];
    lb_plain_route route;
    if (LB_LIKELY(lb_plain_find(&plain, flow, &route) && packet->data_off >= route.room)) {
      __builtin_prefetch(&counters[route.counter], 1);
      MakePlainRoom(packet, route.room, flow->ip_length);
      lb_plain_write(&plain, FrameStart(packet), flow, &route);
      burst->decision[position].counter = route.counter;
      burst->decision[position].reason = LB_REASON_none;
      return true;
    }
    return ResolveOne(view, counters, position, burst) && ApplyOne(view, position, burst);
  });
}

// What is sampled is told with the decision, and as it came: the two steps apart.
void ForwardSampled(const lb_view& view, const FlowCounter* counters, Burst* burst) {
  KeepIf(burst, [&](uint8_t position) { return ResolveOne(view, counters, position, burst); });
  Sample(view, burst);
  KeepIf(burst, [&](uint8_t position) { return ApplyOne(view, position, burst); });
}

}  // namespace

void ForwardBurst(const lb_view& view, const FlowCounter* counters, Burst* burst) {
  burst->to_send_count = 0;
  burst->other_count = 0;
  PrefetchHeaders(*burst);
  Classify(view, burst);
  burst->sampler.Pick(burst->to_send, burst->to_send_count);
  PrefetchBackends(view, *burst);
  if (LB_LIKELY(!burst->sampler.has_picked())) {
    Forward(view, counters, burst);
  } else {
    ForwardSampled(view, counters, burst);
  }
}

}  // namespace evenkeel
