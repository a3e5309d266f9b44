#include "tools/evenkeel/simulate_run.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/reason_name.h"
#include "tools/evenkeel/endpoint.h"

namespace evenkeel::cli {
namespace {

constexpr size_t kSketchCounters = 1024;
constexpr size_t kHittersShown = 10;

IpAddress ReadIpv4(const uint8_t* bytes) {
  IpAddress::Bytes mapped{};
  mapped[10] = mapped[11] = 0xff;
  std::memcpy(mapped.data() + 12, bytes, 4);
  return IpAddress(mapped);
}

IpAddress ReadIpv6(const uint8_t* bytes) {
  IpAddress::Bytes address;
  std::memcpy(address.data(), bytes, address.size());
  return IpAddress(address);
}

// Of a packet that the core has parsed as far as its ports. The source of an ICMP error's flow is
// the error's own destination; such packets are counted for nobody.
FlowTuple TupleOf(const uint8_t* frame, const lb_flow& flow) {
  const uint8_t* ip = frame + flow.l3_offset;
  FlowTuple tuple;
  tuple.source = flow.family == LB_IPV4 ? ReadIpv4(ip + 12) : ReadIpv6(ip + 8);
  tuple.destination = flow.family == LB_IPV4 ? ReadIpv4(ip + 16) : ReadIpv6(ip + 24);
  tuple.source_port = LB_NET16(flow.source_port);
  tuple.destination_port = LB_NET16(flow.destination_port);
  tuple.protocol = flow.protocol;
  return tuple;
}

// The flow's own hash by the cluster's key, also where the service's affinity leaves the ports out.
uint64_t HashOf(const FlowTuple& tuple, const uint64_t key[2]) {
  lb_hash_message message;
  const auto load = [](const IpAddress& address) {
    lb_address words;
    std::memcpy(words.word, address.bytes().data(), sizeof(words.word));
    return words;
  };
  lb_hash_message_ipv6(&message, load(tuple.source), load(tuple.destination),
                       lb_hash_ports_word(LB_NET16(tuple.source_port),
                                          LB_NET16(tuple.destination_port), tuple.protocol),
                       0);
  return lb_siphash13(key, &message, LB_HASH_WORDS_IPV6);
}

std::string Text(const FlowTuple& tuple) {
  return absl::StrCat(Endpoint{tuple.source, tuple.source_port}.ToString(), " -> ",
                      Endpoint{tuple.destination, tuple.destination_port}.ToString(), "/",
                      tuple.protocol == LB_PROTOCOL_TCP ? "tcp" : "udp");
}

std::string Text(const IpAddress& address) { return address.ToString(); }

// Those that the sketch is sure of: counted from their first packet, or frequent beyond its error.
template <typename Key>
void Fill(const SpaceSaving<Key>& sketch, uint64_t total,
          google::protobuf::RepeatedPtrField<v1::HeavyHitter>& hitters) {
  for (const auto& counter : sketch.Top(kHittersShown)) {
    const bool sure = counter.error == 0 || counter.count - counter.error > total / kSketchCounters;
    if (!sure) continue;
    v1::HeavyHitter& hitter = *hitters.Add();
    hitter.set_who(Text(counter.key));
    hitter.set_packets(static_cast<int64_t>(counter.count));
    hitter.set_packets_min(static_cast<int64_t>(counter.count - counter.error));
    hitter.set_share(static_cast<double>(counter.count) / static_cast<double>(total));
  }
}

}  // namespace

Simulation::Simulation(const OfflineCore& candidate, const OfflineCore* base)
    : candidate_(candidate),
      base_(base),
      counters_(candidate.counter_count()),
      moved_(candidate.service_count()),
      sources_(kSketchCounters),
      heavy_flows_(kSketchCounters) {}

void Simulation::Add(const uint8_t* begin, const uint8_t* end) {
  ++packets_;
  lb_flow flow;
  const Fate now = candidate_.Judge(begin, end, &flow);
  ++reasons_[now.reason];
  if (now.backend_id != 0) ++counters_[now.counter].packets;
  if (base_ == nullptr) {
    if (now.backend_id != 0) CountFlow(begin, flow, now, Fate());
    return;
  }
  lb_flow base_flow;
  const Fate before = base_->Judge(begin, end, &base_flow);
  if (now.backend_id != 0) {
    CountFlow(begin, flow, now, before);
  } else if (before.backend_id != 0) {
    CountFlow(begin, base_flow, now, before);
  }
}

void Simulation::CountFlow(const uint8_t* begin, const lb_flow& flow, const Fate& now,
                           const Fate& before) {
  if (flow.flags & LB_FLOW_ICMP_ERROR) return;
  const FlowTuple tuple = TupleOf(begin, flow);
  if (now.backend_id != 0) {
    ++forwarded_;
    sources_.Add(tuple.source);
    heavy_flows_.Add(tuple);
  }
  if (!flows_.insert(HashOf(tuple, candidate_.view().params->hash_key)).second) return;
  if (now.backend_id != 0) ++counters_[now.counter].flows;
  if (before.backend_id == 0 || before.backend_id == now.backend_id) return;
  ++flows_moved_;
  if (now.backend_id != 0) ++moved_[flow.service];
}

v1::SimulateReply Simulation::Result() const {
  v1::SimulateReply reply;
  reply.set_packets(static_cast<int64_t>(packets_));
  reply.set_flows(static_cast<int64_t>(flows_.size()));
  if (base_ != nullptr) reply.set_flows_moved(static_cast<int64_t>(flows_moved_));
  uint64_t verdicts[LB_VERDICTS] = {};
  for (uint32_t i = 0; i < LB_REASON_COUNT; ++i) {
    const auto reason = static_cast<lb_reason>(i);
    const lb_verdict verdict = lb_reason_verdict(reason);
    verdicts[verdict] += reasons_[i];
    if (reasons_[i] == 0) continue;
    const auto count = static_cast<int64_t>(reasons_[i]);
    if (verdict == LB_DROP) (*reply.mutable_drops())[lb_reason_name(reason)] = count;
    if (verdict == LB_PASS) (*reply.mutable_passes())[lb_reason_name(reason)] = count;
  }
  reply.set_forward(static_cast<int64_t>(verdicts[LB_FORWARD]));
  reply.set_reply(static_cast<int64_t>(verdicts[LB_REPLY]));
  reply.set_pass(static_cast<int64_t>(verdicts[LB_PASS]));
  reply.set_drop(static_cast<int64_t>(verdicts[LB_DROP]));
  for (size_t i = 0; i < candidate_.service_count(); ++i) {
    *reply.add_services() = ResultOf(static_cast<uint16_t>(i));
  }
  Fill(sources_, forwarded_, *reply.mutable_top_sources());
  Fill(heavy_flows_, forwarded_, *reply.mutable_top_flows());
  return reply;
}

v1::SimulateService Simulation::ResultOf(uint16_t index) const {
  const Service& service = *candidate_.ServiceAt(index);
  const Pool& pool = *candidate_.config().FindPool(service.pool);
  v1::SimulateService result;
  result.set_service(service.name);
  result.set_pool(pool.name);
  if (base_ != nullptr) result.set_flows_moved(static_cast<int64_t>(moved_[index]));
  uint64_t packets = 0;
  uint64_t flows = 0;
  for (size_t i = 0; i < pool.backends.size(); ++i) {
    const Counter& counter = counters_[candidate_.CounterOf(index, i)];
    packets += counter.packets;
    flows += counter.flows;
    v1::SimulateBackend& backend = *result.add_backends();
    backend.set_name(pool.backends[i].name);
    backend.set_packets(static_cast<int64_t>(counter.packets));
    backend.set_flows(static_cast<int64_t>(counter.flows));
    backend.set_share_expected(candidate_.ShareOf(index, i));
  }
  for (v1::SimulateBackend& backend : *result.mutable_backends()) {
    backend.set_share(
        packets == 0 ? 0 : static_cast<double>(backend.packets()) / static_cast<double>(packets));
  }
  result.set_packets(static_cast<int64_t>(packets));
  result.set_flows(static_cast<int64_t>(flows));
  return result;
}

}  // namespace evenkeel::cli
