#include "tests/packets/run_native.h"

#include <algorithm>
#include <memory>

namespace evenkeel::packets {

Outcome RunNative(const lb_view& view, const Bytes& in) {
  Outcome outcome;
  const auto frame = std::make_unique<uint8_t[]>(in.size());
  std::copy(in.begin(), in.end(), frame.get());
  const uint8_t* end = frame.get() + in.size();

  outcome.verdict = lb_classify(&view, frame.get(), end, &outcome.flow);
  outcome.reason = static_cast<lb_reason>(outcome.flow.reason);
  if (outcome.verdict != LB_FORWARD) return outcome;
  outcome.verdict = lb_resolve(&view, frame.get(), end, &outcome.flow, &outcome.decision);
  outcome.reason = static_cast<lb_reason>(outcome.decision.reason);
  if (outcome.verdict != LB_FORWARD && outcome.verdict != LB_REPLY) return outcome;

  const long delta = outcome.decision.head_delta;
  const size_t grown = in.size() + static_cast<size_t>(delta);
  const size_t length = outcome.decision.frame_length ? outcome.decision.frame_length : grown;
  const auto room = std::make_unique<uint8_t[]>(length);
  for (size_t i = 0; i < length; i++) {
    const long from = static_cast<long>(i) - delta;
    room[i] = from >= 0 ? in[static_cast<size_t>(from)] : 0xee;
  }
  outcome.verdict =
      lb_apply(&view, room.get(), room.get() + length, &outcome.flow, &outcome.decision);
  outcome.reason = static_cast<lb_reason>(outcome.decision.reason);
  outcome.out.assign(room.get(), room.get() + length);
  return outcome;
}

}  // namespace evenkeel::packets
