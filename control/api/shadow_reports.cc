#include "control/api/shadow_reports.h"

#include "control/api/change_reports.h"
#include "control/api/evenkeel.pb.h"

namespace evenkeel {
namespace {

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

void FillService(const ShadowService& service, v1::ShadowService* out) {
  out->set_service(service.service);
  out->set_packets(Signed(service.packets));
  out->set_new_flows(Signed(service.new_flows));
  out->set_flows(Signed(service.flows));
  out->set_flows_moved(Signed(service.flows_moved));
  if (service.new_flows_moved) out->set_new_flows_moved(*service.new_flows_moved);
  for (const ShadowBackend& backend : service.backends) {
    v1::ShadowBackend* row = out->add_backends();
    row->set_name(backend.name);
    if (backend.new_flows.running) row->set_new_flows_running(*backend.new_flows.running);
    if (backend.new_flows.candidate) row->set_new_flows_shadow(*backend.new_flows.candidate);
    if (backend.error) row->set_error(*backend.error);
    if (backend.packets.running) row->set_packets_running(*backend.packets.running);
    if (backend.packets.candidate) row->set_packets_shadow(*backend.packets.candidate);
  }
  for (const auto& [reason, packets] : service.refused) {
    (*out->mutable_refused())[reason] = Signed(packets);
  }
}

}  // namespace

void FillShadow(const ShadowView& view, v1::Shadow* out) {
  out->set_number(view.number);
  out->set_running(view.is_running);
  out->set_file(view.file);
  out->set_who(view.who.name);
  out->set_reason(view.reason);
  out->set_base_revision(view.base_revision);
  out->set_since(Rfc3339(view.since));
  out->set_seconds(absl::ToDoubleSeconds(view.watched));
  out->set_seconds_left(absl::ToDoubleSeconds(view.left));
  if (!view.ended_early.empty()) out->set_ended_early(view.ended_early);
  out->set_samples(Signed(view.report.samples));
  for (const ShadowService& service : view.report.services) {
    FillService(service, out->add_services());
  }
}

void FillShadowReply(const ShadowView& view, v1::ApplyReply* reply) {
  reply->mutable_result()->set_revision(view.base_revision);
  reply->mutable_result()->set_state("confirmed");
  reply->mutable_result()->set_generation(Signed(view.base_generation));
  FillShadow(view, reply->mutable_shadow());
}

}  // namespace evenkeel
