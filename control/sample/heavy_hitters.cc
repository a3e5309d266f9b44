#include "control/sample/heavy_hitters.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "dataplane/forward/flow.h"

namespace evenkeel {
namespace {

// At least so much of the whole.
template <typename Key>
double ShareOf(const SpaceSaving<Key>& sketch, const Key& key) {
  if (sketch.total() == 0) return 0;
  for (const auto& counter : sketch.Top(SIZE_MAX)) {
    if (counter.key != key) continue;
    return static_cast<double>(counter.count - counter.error) / static_cast<double>(sketch.total());
  }
  return 0;
}

}  // namespace

double HeavyShares::Largest() const { return std::max({bytes, packets, new_flows}); }

void HeavyHitters::Add(const lb_sample& sample) {
  const FlowKeyOfSample flow = FlowKeyOfSample::Of(sample);
  const uint64_t packets = sample.every;
  const uint64_t bytes = uint64_t{sample.ip_length} * sample.every;
  ++samples_;
  flow_bytes_.Add({flow, sample.backend}, bytes);
  client_bytes_.Add(flow.source, bytes);
  client_packets_.Add(flow.source, packets);
  if ((sample.flags & LB_FLOW_NEW) != 0) {
    ++new_flows_;
    client_new_flows_.Add(flow.source, packets);
  }
  clients_.Add(absl::HashOf(flow.source));
  flows_.Add(absl::HashOf(flow));
}

ServiceWindow HeavyHitters::Close() {
  ServiceWindow window{.samples = samples_,
                       .clients = clients_.Estimate(),
                       .flows = flows_.Estimate(),
                       .flow = {},
                       .client = {}};
  if (samples_ < kSamplesMin) return window;
  for (const auto& top : flow_bytes_.Top(1)) {
    window.flow = HeavyShares{.who = top.key.first.ToString(),
                              .bytes = ShareOf(flow_bytes_, top.key),
                              .backend = top.key.second,
                              .client = top.key.first.source.ToString()};
  }
  for (const SpaceSaving<IpAddress>* by : {&client_bytes_, &client_packets_, &client_new_flows_}) {
    if (by == &client_new_flows_ && new_flows_ < kNewFlowsMin) continue;
    for (const auto& top : by->Top(1)) {
      const HeavyShares shares{
          .who = top.key.ToString(),
          .bytes = ShareOf(client_bytes_, top.key),
          .packets = ShareOf(client_packets_, top.key),
          .new_flows = new_flows_ < kNewFlowsMin ? 0 : ShareOf(client_new_flows_, top.key)};
      if (!window.client || shares.Largest() > window.client->Largest()) window.client = shares;
    }
  }
  return window;
}

void HeavyHitters::Judge(HeavyFinding::Kind kind, const std::optional<HeavyShares>& shares,
                         double heavy, double light, std::optional<HeavyFinding>* held) const {
  const double share = shares ? shares->Largest() : 0;
  const bool is_same = *held && shares && (*held)->shares.who == shares->who;
  if (share < (is_same ? light : heavy)) {
    held->reset();
    return;
  }
  *held =
      HeavyFinding{.kind = kind, .shares = *shares, .since = is_same ? (*held)->since : *begun_};
}

void HeavyHitters::EndSecond(absl::Time at) {
  if (!begun_) begun_ = at - absl::Seconds(1);
  // Half a second of grace: the seconds of a busy daemon are not all alike.
  if (at - *begun_ < kWindow - absl::Milliseconds(500)) return;
  window_ = Close();
  Judge(HeavyFinding::Kind::kFlow, window_.flows < kFlowsMin ? std::nullopt : window_.flow,
        kFlowHeavy, kFlowLight, &flow_);
  // Whose one flow is heavy is told as that, unless his other flows are many too.
  const bool is_elephant = flow_ && window_.client && flow_->shares.client == window_.client->who &&
                           window_.client->new_flows < kClientHeavy;
  Judge(HeavyFinding::Kind::kClient, is_elephant ? std::nullopt : window_.client, kClientHeavy,
        kClientLight, &client_);
  flow_bytes_.Clear();
  client_bytes_.Clear();
  client_packets_.Clear();
  client_new_flows_.Clear();
  clients_.Clear();
  flows_.Clear();
  samples_ = new_flows_ = 0;
  begun_ = at;
}

std::vector<HeavyFinding> HeavyHitters::Findings() const {
  std::vector<HeavyFinding> findings;
  for (const auto& held : {flow_, client_}) {
    if (held) findings.push_back(*held);
  }
  return findings;
}

}  // namespace evenkeel
