#include "control/shadow/shadow_count.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/hash/hash.h"
#include "control/sample/flow_key.h"
#include "dataplane/forward/flow.h"
#include "dataplane/forward/reason_name.h"

namespace evenkeel {
namespace {

std::optional<double> Part(uint64_t part, uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

uint64_t Rounded(double value) { return static_cast<uint64_t>(std::llround(value)); }

// Nothing: it goes to none.
const lb_backend* BackendOf(const ImageView& image, uint16_t index) {
  return index < image.backends().size() ? &image.backends()[index] : nullptr;
}

// An answer to a packet that is too big is as good as forwarding it, and as bad.
bool IsForwarded(uint8_t reason) { return reason == LB_REASON_none; }

}  // namespace

void ShadowCount::Follow(std::shared_ptr<const ImageView> candidate, ImageNames names) {
  candidate_.emplace(std::move(candidate));
  names_.emplace(std::move(names));
}

void ShadowCount::Add(const lb_sample& sample, const Seen& seen) {
  ++samples_;
  ServiceCount& count = services_[seen.service];
  const SampleFate fate = candidate_->Decide(sample);
  const bool is_new = (sample.flags & LB_FLOW_NEW) != 0;
  const uint64_t weight = sample.every;
  ++count.packets;
  count.weight += weight;
  if (is_new) {
    ++count.new_flows;
    count.new_weight += weight;
  }
  const lb_backend* now = BackendOf(seen.image, sample.backend);
  const lb_backend* then = fate.verdict == LB_FORWARD || IsForwarded(fate.reason)
                               ? BackendOf(candidate_->image(), fate.backend)
                               : nullptr;
  const auto add = [&](const lb_backend* backend, const std::string& name, uint64_t Sides::*side) {
    if (backend == nullptr) return;
    BackendCount& of = count.backends[backend->id];
    if (side == &Sides::candidate || of.name.empty()) of.name = name;
    of.packets.*side += weight;
    if (is_new) of.new_flows.*side += weight;
  };
  add(IsForwarded(sample.reason) ? now : nullptr, seen.names.Backend(sample.backend),
      &Sides::running);
  add(then, names_->Backend(fate.backend), &Sides::candidate);

  const uint64_t flow = absl::HashOf(FlowKeyOfSample::Of(sample));
  const lb_backend* owner = BackendOf(seen.image, seen.owner);
  const bool moves =
      IsForwarded(sample.reason) && (then == nullptr || owner == nullptr || then->id != owner->id);
  count.flows.Add(flow);
  if (moves) count.moved.Add(flow);
  if (moves && is_new) count.new_weight_moved += weight;
  if (IsForwarded(sample.reason) && !IsForwarded(fate.reason)) ++count.refused[fate.reason];
}

ShadowService ShadowCount::ReportOf(const std::string& name, const ServiceCount& count) {
  ShadowService out{.service = name,
                    .packets = count.packets,
                    .new_flows = count.new_flows,
                    .flows = Rounded(count.flows.Estimate()),
                    .flows_moved = Rounded(count.moved.Estimate()),
                    .new_flows_moved = Part(count.new_weight_moved, count.new_weight),
                    .backends = {},
                    .refused = {}};
  out.flows_moved = std::min(out.flows_moved, out.flows);
  for (const auto& [id, backend] : count.backends) {
    ShadowBackend& row = out.backends.emplace_back();
    row.name = backend.name;
    row.packets = {Part(backend.packets.running, count.weight),
                   Part(backend.packets.candidate, count.weight)};
    row.new_flows = {Part(backend.new_flows.running, count.new_weight),
                     Part(backend.new_flows.candidate, count.new_weight)};
    if (row.new_flows.candidate) {
      const double share = *row.new_flows.candidate;
      row.error = 1.96 * std::sqrt(share * (1 - share) / static_cast<double>(count.new_flows));
    }
  }
  std::sort(out.backends.begin(), out.backends.end(),
            [](const ShadowBackend& a, const ShadowBackend& b) { return a.name < b.name; });
  for (const auto& [reason, packets] : count.refused) out.refused[lb_reason_name(reason)] = packets;
  return out;
}

ShadowReport ShadowCount::Report() const {
  ShadowReport report{.samples = samples_, .services = {}};
  for (const auto& [name, count] : services_) report.services.push_back(ReportOf(name, count));
  return report;
}

}  // namespace evenkeel
