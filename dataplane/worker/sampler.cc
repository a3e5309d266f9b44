#include "dataplane/worker/sampler.h"

#include <cstring>

#include "dataplane/forward/wire.h"

namespace evenkeel {
namespace {

constexpr uint64_t kNever = UINT64_MAX;

}  // namespace

// xorshift64* (Vigna: "An experimental exploration of Marsaglia's xorshift generators", 2016).
uint32_t Sampler::Random() {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return static_cast<uint32_t>((random_ * 0x2545f4914f6cdd1dull) >> 32);
}

void Sampler::PickSome(const uint8_t* positions, uint32_t count) {
  if (const uint32_t every = writer_->every(); every != every_) {
    every_ = every;
    skip_ = every == 0 ? kNever : lb_sample_skip(Random(), every);
  }
  uint32_t at = 0;
  while (skip_ < count - at) {
    at += static_cast<uint32_t>(skip_);
    picked_[picked_count_++] = positions[at++];
    skip_ = lb_sample_skip(Random(), every_);
  }
  skip_ -= count - at;
}

void Sampler::Put(lb_sample sample) {
  sample.every = every_;
  // Whoever does not read costs a packet in thousands, however many were asked for.
  if (!writer_->Put(sample) && skip_ < LB_SAMPLE_BACK_OFF) skip_ += LB_SAMPLE_BACK_OFF;
}

std::optional<lb_sample> MakeSample(const lb_view& view, const uint8_t* frame, const lb_flow& flow,
                                    const lb_decision& decision) {
  if ((flow.flags & (LB_FLOW_ECHO | LB_FLOW_ICMP_ERROR)) != 0) return std::nullopt;
  lb_sample sample{};
  const uint8_t* header = frame + flow.l3_offset;
  if (flow.family == LB_IPV4) {
    const auto* ip = reinterpret_cast<const lb_ipv4*>(header);
    sample.source[10] = sample.source[11] = 0xff;
    sample.destination[10] = sample.destination[11] = 0xff;
    std::memcpy(sample.source + 12, &ip->source, 4);
    std::memcpy(sample.destination + 12, &ip->destination, 4);
  } else {
    const auto* ip = reinterpret_cast<const lb_ipv6*>(header);
    std::memcpy(sample.source, ip->source, 16);
    std::memcpy(sample.destination, ip->destination, 16);
  }
  sample.source_port = flow.source_port;
  sample.destination_port = flow.destination_port;
  sample.ip_length = flow.ip_length;
  sample.service = flow.service;
  sample.backend = decision.backend;
  sample.family = flow.family;
  sample.protocol = flow.protocol;
  sample.flags = flow.flags;
  if (flow.protocol == LB_PROTOCOL_TCP) {
    sample.tcp_flags = reinterpret_cast<const lb_tcp*>(frame + flow.l4_offset)->flags;
  }
  sample.ttl = flow.ttl;
  sample.reason = decision.reason;
  sample.state = decision.state;
  sample.generation = static_cast<uint32_t>(lb_view_params(&view)->generation);
  return sample;
}

}  // namespace evenkeel
