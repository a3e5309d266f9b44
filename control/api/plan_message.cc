#include "control/api/plan_message.h"

#include <cmath>
#include <string>

namespace evenkeel {
namespace {

double Percent(double fraction) { return 100 * fraction; }

std::string Text(absl::string_view text) { return std::string(text); }

void Fill(const std::vector<Finding>& findings, v1::PlanReply& reply) {
  for (const Finding& finding : findings) {
    v1::Finding& message = *reply.add_findings();
    message.set_rule(finding.rule);
    message.set_severity(Text(SeverityName(finding.severity)));
    message.set_path(finding.path);
    message.set_line(finding.line);
    message.set_column(finding.column);
    message.set_message(finding.message);
    message.set_hint(finding.hint);
  }
}

void Fill(const PoolPlan& pool, v1::PlanPool& message) {
  message.set_name(pool.name);
  message.set_is_new(pool.is_new);
  for (const std::string& service : pool.services) message.add_services(service);
  message.set_slots(pool.slots);
  message.set_fill(Text(Name(pool.fill)));
  message.set_digest(HexDigest(pool.digest));
  message.set_weight_before(static_cast<int64_t>(pool.weight_before));
  message.set_weight_after(static_cast<int64_t>(pool.weight_after));
  message.set_weight_lost_percent(Percent(pool.weight_lost));
  message.set_slots_moved_percent(Percent(pool.moved));
  message.set_slots_unavoidable_percent(Percent(pool.unavoidable));
  message.set_max_share_error_percent(Percent(pool.share_error));
  message.set_largest_share_jump(pool.share_jump);
  message.set_lightest_slots(pool.lightest_slots);
  for (const DrainedBackend& drained : pool.drained) {
    v1::PlanDrain& drain = *message.add_drained();
    drain.set_backend(drained.backend);
    drain.set_reason(drained.reason);
    if (drained.until != absl::InfiniteFuture()) {
      drain.set_until(absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", drained.until, absl::UTCTimeZone()));
    }
  }
  for (const HostShare& host : pool.hosts) {
    v1::PlanHost& share = *message.add_hosts();
    share.set_host(host.host);
    share.set_share(host.share);
  }
}

void Fill(const ServicePlan& service, v1::PlanService& message) {
  message.set_service(service.name);
  message.set_pool(service.pool);
  message.set_slots(service.slots);
  message.set_slots_moved_percent(Percent(service.moved));
  message.set_slots_beyond_unavoidable_percent(Percent(service.beyond_unavoidable));
  message.set_is_new(service.is_new);
  message.set_touched(service.touched);
  if (service.connections_at_risk) {
    message.set_connections_at_risk(std::llround(*service.connections_at_risk));
  }
  for (const BackendPlan& backend : service.backends) {
    v1::PlanBackend& row = *message.add_backends();
    row.set_name(backend.name);
    row.set_address(backend.address.ToString());
    row.set_weight(backend.weight);
    row.set_share_requested(backend.requested);
    row.set_share_before(backend.before);
    row.set_share_after(backend.after);
    row.set_change(Text(Name(backend.change)));
  }
}

void Fill(const LossEffect& effect, v1::PlanLoss& message) {
  message.set_lost(effect.lost);
  message.set_basis(effect.basis == LoadBasis::kCapacity ? "capacity" : "share");
  if (effect.backend.empty()) return;
  message.set_backend(effect.backend);
  message.set_load(effect.load);
}

}  // namespace

v1::PlanReply ToMessage(const Plan& plan) {
  v1::PlanReply reply;
  reply.set_digest(HexDigest(plan.digest));
  reply.set_base_revision(plan.base_revision);
  reply.set_verdict(Text(Name(plan.verdict)));
  Fill(plan.findings, reply);
  for (const PoolPlan& pool : plan.pools) Fill(pool, *reply.add_pools());
  for (const ServicePlan& service : plan.services) Fill(service, *reply.add_services());
  reply.set_connections_at_risk(static_cast<int64_t>(plan.connections_at_risk));
  reply.set_connections_known(plan.connections_known);
  for (const LossEffect& effect : plan.if_lost) Fill(effect, *reply.add_if_lost());
  reply.mutable_evidence()->set_flows(static_cast<int64_t>(plan.evidence.flows));
  if (plan.evidence.seconds) reply.mutable_evidence()->set_seconds(*plan.evidence.seconds);
  for (const std::string& service : plan.services_removed) reply.add_services_removed(service);
  reply.set_services_touched(plan.services_touched);
  return reply;
}

v1::PlanReply RefusedPlan(const std::vector<Finding>& findings) {
  v1::PlanReply reply;
  reply.set_verdict(Text(Name(Verdict::kRefuse)));
  reply.mutable_evidence();
  Fill(findings, reply);
  return reply;
}

}  // namespace evenkeel
