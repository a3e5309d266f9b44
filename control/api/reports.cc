#include "control/api/reports.h"

#include <cinttypes>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/api/change_reports.h"
#include "control/api/evenkeel.pb.h"
#include "control/api/explain.h"
#include "control/version.h"
#include "dataplane/forward/reason_name.h"
#include "dataplane/forward/verdict.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

int64_t Number(uint64_t value) { return static_cast<int64_t>(value); }

void FillTable(const FlowTableCount& count, v1::FlowTable* out) {
  out->set_queue(static_cast<int32_t>(count.table));
  out->set_capacity(Number(count.entries));
  out->set_occupied(Number(count.flows));
  out->set_firm(Number(count.occupied[LB_ENTRY_FIRM]));
  out->set_missed(Number(count.occupied[LB_ENTRY_MISS]));
  out->set_pending(Number(count.occupied[LB_ENTRY_PENDING]));
  // What became firm had been inserted before.
  out->set_inserted(Number(count.inserted[LB_ENTRY_PENDING] + count.inserted[LB_ENTRY_MISS]));
  out->set_evicted(Number(count.evicted[LB_ENTRY_PENDING] + count.evicted[LB_ENTRY_MISS]));
  out->set_expired(Number(count.expired));
  (*out->mutable_refused())["quota"] = Number(count.refused[LB_REFUSED_QUOTA]);
  (*out->mutable_refused())["full"] = Number(count.refused[LB_REFUSED_FULL]);
}

void FillPlane(const PlaneSink& sink, const absl::StatusOr<StatsSnapshot>& stats, v1::Plane* out) {
  const PlaneState state = sink.State();
  out->set_kind(std::string(sink.kind()));
  if (!state.mode.empty()) out->set_mode(state.mode);
  out->set_connected(state.connected);
  out->set_generation(Number(state.generation));
  if (!stats.ok()) return;
  out->set_generation(Number(stats->generation));
  if (stats->generation != 0) out->set_digest(HexDigest(stats->digest));
  for (const WorkerCount& count : stats->workers) {
    v1::Worker* worker = out->add_workers();
    worker->set_worker(static_cast<int32_t>(count.worker));
    worker->set_packets(Number(count.packets));
    worker->set_new_flows(Number(count.new_flows));
  }
  for (const FlowTableCount& count : stats->flow_tables) FillTable(count, out->add_flow_tables());
}

// Null where the running revision could not be built again.
const CompiledPool* FindCompiled(const RunningRevision& running, absl::string_view pool) {
  if (running.compiled == nullptr) return nullptr;
  for (size_t i = 0; i < running.config.pools.size(); ++i) {
    if (running.config.pools[i].name == pool) return &running.compiled->pools[i];
  }
  return nullptr;
}

void FillPorts(const Ports& ports, v1::Service* out) {
  if (ports.any) out->add_ports("any");
  for (const PortRange& range : ports.ranges) {
    out->add_ports(range.low == range.high ? absl::StrCat(range.low)
                                           : absl::StrCat(range.low, "-", range.high));
  }
}

void FillBackend(const Service& service, const Pool& pool, const CompiledPool* compiled,
                 size_t place, const Standings& standings, const TrafficNow& traffic,
                 v1::Backend* out) {
  const Backend& backend = pool.backends[place];
  const FlowKey key{NameId(service.name), BackendId(backend.address.bytes())};
  out->set_service(service.name);
  out->set_pool(pool.name);
  out->set_name(backend.name);
  out->set_address(backend.address.ToString());
  out->set_weight(backend.weight);
  const Address& address = backend.address.bytes();
  out->set_state(StateName(backend, standings.Of(pool.name, address)));
  if (std::string trouble = standings.Trouble(pool.name, address); !trouble.empty()) {
    out->set_last_error(std::move(trouble));
  }
  out->set_share_expected(compiled == nullptr ? 0 : compiled->share(place));
  if (std::optional<double> share = traffic.recent.Share(key.first, key.second)) {
    out->set_share_observed(*share);
  }
  if (const auto found = traffic.flows.find(key); found != traffic.flows.end()) {
    out->set_new_flows(Number(found->second.new_flows));
    out->set_packets(Number(found->second.packets));
    out->set_bytes(Number(found->second.bytes));
  }
}

void FillProgress(const std::vector<DrainView>& drains, v1::Backend* out) {
  for (const DrainView& drain : drains) {
    if (drain.pool != out->pool() || drain.backend != out->name()) continue;
    const DrainProgress& progress = drain.progress;
    if (progress.connections_left) out->set_connections_left(Number(*progress.connections_left));
    if (progress.done_at) out->set_done_at(Rfc3339(*progress.done_at));
  }
}

}  // namespace

const char* StateName(const Backend& backend, const BackendStanding& standing) {
  if (backend.drain) return "draining";
  if (standing.state == LB_BACKEND_DEAD) return "down";
  return standing.state == LB_BACKEND_SUSPECT || standing.fails ? "suspect" : "up";
}

void FillError(absl::string_view code, absl::string_view message, absl::string_view hint,
               v1::Error* error) {
  error->set_code(std::string(code));
  error->set_message(std::string(message));
  error->set_hint(std::string(hint));
}

void FillStatus(const Pipeline& pipeline, const TrafficNow& traffic, v1::StatusReply* reply) {
  const RunningPtr running = pipeline.Running();
  reply->set_state(running == nullptr ? "empty" : "confirmed");
  if (running != nullptr) {
    reply->set_revision(running->revision);
    reply->set_generation(Number(running->generation));
  }
  if (const std::optional<TrialView> trial = pipeline.Trial()) {
    reply->set_state("trial");
    reply->set_revision(trial->revision);
    reply->set_generation(Number(trial->generation));
    FillTrial(*trial, reply->mutable_trial());
  }
  for (const DrainView& drain : pipeline.Drains()) FillDrain(drain, reply->add_drains());
  for (size_t i = 0; i < pipeline.sinks().size(); ++i) {
    FillPlane(*pipeline.sinks()[i], traffic.planes[i], reply->add_planes());
  }
  for (const ControlAlarm& alarm : pipeline.Alarms()) FillAlarm(alarm, reply->add_alarms());
  for (const PlaneAlarm& alarm : traffic.alarms) {
    v1::Alarm* out = reply->add_alarms();
    out->set_rule("plane");
    out->set_since(Rfc3339(alarm.since));
    out->set_message(alarm.message);
  }
  for (const WatchAlarm& alarm : traffic.watch.alarms) {
    FillAlarm({.rule = alarm.rule,
               .service = alarm.service,
               .backend = alarm.backend,
               .since = alarm.since,
               .message = alarm.message},
              reply->add_alarms());
  }
  for (const TrafficNote& note : traffic.samples.notes) {
    v1::Alarm* out = reply->add_notes();
    out->set_rule(note.rule);
    out->set_service(note.service);
    if (!note.backend.empty()) out->set_backend(note.backend);
    out->set_since(Rfc3339(note.since));
    out->set_message(note.message);
  }
}

void FillServices(const RunningPtr& running, const TrafficNow& traffic, v1::ServicesReply* reply) {
  if (running == nullptr) return;
  absl::flat_hash_map<uint64_t, FlowTotals> totals;
  for (const auto& [key, flow] : traffic.flows) {
    FlowTotals& sum = totals[key.first];
    sum.packets += flow.packets;
    sum.bytes += flow.bytes;
    sum.new_flows += flow.new_flows;
  }
  for (const Service& service : running->config.services) {
    v1::Service* out = reply->add_services();
    out->set_name(service.name);
    out->set_vip(service.vip.ToString());
    out->set_protocol(std::string(Name(service.protocol)));
    FillPorts(service.ports, out);
    out->set_pool(service.pool);
    if (const Pool* pool = running->config.FindPool(service.pool)) {
      out->set_slots(pool->table.slots);
      out->set_fill(std::string(Name(pool->table.fill)));
    }
    const CompiledPool* compiled = FindCompiled(*running, service.pool);
    if (compiled != nullptr && compiled->table != nullptr) {
      out->set_digest(HexDigest(compiled->table->id_digest));
    }
    const FlowTotals& sum = totals[NameId(service.name)];
    out->set_packets(Number(sum.packets));
    out->set_bytes(Number(sum.bytes));
    out->set_new_flows(Number(sum.new_flows));
  }
}

void FillBackends(const Pipeline& pipeline, const TrafficNow& traffic, v1::BackendsReply* reply) {
  const RunningPtr running = pipeline.Running();
  if (running == nullptr) return;
  const std::vector<DrainView> drains = pipeline.Drains();
  for (const Service& service : running->config.services) {
    const Pool* pool = running->config.FindPool(service.pool);
    if (pool == nullptr) continue;
    const CompiledPool* compiled = FindCompiled(*running, service.pool);
    for (size_t i = 0; i < pool->backends.size(); ++i) {
      v1::Backend* out = reply->add_backends();
      FillBackend(service, *pool, compiled, i, pipeline.standings(), traffic, out);
      FillProgress(drains, out);
    }
  }
}

void FillDrops(const TrafficNow& traffic, v1::DropsReply* reply) {
  uint64_t verdicts[LB_VERDICTS] = {};
  for (uint32_t i = 0; i < LB_REASON_COUNT; ++i) {
    const uint64_t count = i < traffic.reasons.size() ? traffic.reasons[i] : 0;
    verdicts[lb_reason_verdict(static_cast<lb_reason>(i))] += count;
    // Reason 0 is that nothing was in the way: a forwarded packet.
    if (i != LB_REASON_none) (*reply->mutable_reasons())[lb_reason_name(i)] = Number(count);
  }
  reply->set_received(Number(traffic.received));
  reply->set_forward(Number(verdicts[LB_FORWARD]));
  reply->set_reply(Number(verdicts[LB_REPLY]));
  reply->set_pass(Number(verdicts[LB_PASS]));
  reply->set_drop(Number(verdicts[LB_DROP]));
}

void FillExplain(const RunningPtr& running, const v1::ExplainRequest& request,
                 v1::ExplainReply* reply) {
  const absl::StatusOr<Endpoint> from = Endpoint::Parse(request.from());
  const absl::StatusOr<Endpoint> to = Endpoint::Parse(request.to());
  for (const absl::Status& status : {from.status(), to.status()}) {
    if (status.ok()) continue;
    FillError("usage", status.message(), "", reply->mutable_error());
    return;
  }
  if (request.protocol() != "tcp" && request.protocol() != "udp") {
    FillError("usage", absl::StrCat("'", request.protocol(), "' is no protocol: tcp or udp"), "",
              reply->mutable_error());
    return;
  }
  if (running == nullptr) {
    FillError("not_found", "no revision is running", "apply a configuration first",
              reply->mutable_error());
    return;
  }
  absl::StatusOr<Explanation> e = Explain(
      *running, {.from = *from,
                 .to = *to,
                 .protocol = request.protocol() == "tcp" ? Protocol::kTcp : Protocol::kUdp});
  if (!e.ok()) {
    const bool usage = absl::IsInvalidArgument(e.status());
    FillError(usage ? "usage" : "unavailable", e.status().message(), "", reply->mutable_error());
    return;
  }
  reply->set_verdict(e->verdict);
  if (e->service) reply->set_service(*e->service);
  if (e->hash) reply->set_hash(absl::StrFormat("%016x", *e->hash));
  if (e->slot) reply->set_slot(*e->slot);
  if (e->state) reply->set_state(*e->state);
  if (e->backend) reply->set_backend(*e->backend);
  if (e->previous) reply->set_previous(*e->previous);
  if (e->address) reply->set_address(*e->address);
  reply->set_why(e->why);
}

void FillVersion(v1::VersionReply* reply) {
  reply->set_version(kVersion);
  reply->set_commit(kCommit);
  reply->set_schema(kSchemaV1);
  reply->set_image_abi(LB_IMAGE_ABI);
}

}  // namespace evenkeel
