#include "control/api/control_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bpf/pins.h"
#include "control/api/change_reports.h"
#include "control/api/evenkeel.grpc.pb.h"
#include "control/api/plan_message.h"
#include "control/api/reports.h"
#include "control/api/shadow_reports.h"
#include "control/config/literals.h"

namespace evenkeel {
namespace {

// An operator's --wait asks again; the daemon's own end shall not wait for it.
constexpr absl::Duration kWaitMax = absl::Milliseconds(500);
constexpr absl::Duration kProbeMin = absl::Milliseconds(100);
constexpr absl::Duration kProbeMax = absl::Seconds(60);

std::optional<absl::Duration> ProbeWithin(const v1::PlanRequest& request) {
  if (!request.has_probe_seconds()) return std::nullopt;
  return std::clamp(absl::Seconds(request.probe_seconds()), kProbeMin, kProbeMax);
}

// Of a candidate with errors no plan can be made, and its digest stays empty.
bool IsMade(const Plan& plan) { return plan.digest != Digest{}; }

ApplyCall ToCall(const v1::ApplyRequest& request) {
  ApplyCall call{.content = request.content(),
                 .file = request.file(),
                 .reason = request.reason(),
                 .confirm = request.confirm(),
                 .base_revision = {},
                 .plan_digest = request.plan_digest(),
                 .confirm_within = {},
                 .allow = {},
                 .again = request.again(),
                 .canary_percent = {}};
  if (request.has_base_revision()) call.base_revision = request.base_revision();
  if (request.has_confirm_within()) call.confirm_within = absl::Seconds(request.confirm_within());
  if (request.has_canary_percent()) call.canary_percent = request.canary_percent();
  const absl::Time now = absl::Now();
  for (const v1::Override& allow : request.allow()) {
    call.allow.push_back({.rule = allow.rule(),
                          .at = allow.at(),
                          .reason = request.reason(),
                          .until = now + absl::Seconds(allow.seconds())});
  }
  return call;
}

class ControlService final : public v1::Control::Service {
 public:
  ControlService(Pipeline* pipeline, Traffic* traffic, TrialGuard* guard, ShadowBook* shadows,
                 const Caller& caller)
      : pipeline_(*pipeline),
        traffic_(*traffic),
        guard_(*guard),
        shadows_(*shadows),
        caller_(caller) {}

  grpc::Status Plan(grpc::ServerContext*, const v1::PlanRequest* request,
                    v1::PlanReply* reply) override {
    if (!MayCall("plan", Role::kLook, reply)) return grpc::Status::OK;
    const PlanCall call{.content = request->content(),
                        .file = request->file(),
                        .allow = {},
                        .new_flows = {request->new_flows().begin(), request->new_flows().end()},
                        .probe_within = ProbeWithin(*request)};
    const absl::StatusOr<evenkeel::Plan> plan = pipeline_.PlanChange(call);
    if (plan.ok()) {
      *reply = IsMade(*plan) ? ToMessage(*plan) : RefusedPlan(plan->findings);
    } else {
      FillError(plan.status(), reply->mutable_error());
    }
    return grpc::Status::OK;
  }

  grpc::Status Apply(grpc::ServerContext*, const v1::ApplyRequest* request,
                     v1::ApplyReply* reply) override {
    if (!MayCall("apply", Role::kChange, reply)) return grpc::Status::OK;
    ApplyCall call = ToCall(*request);
    if (request->shadow()) return BeginShadow(call, reply);
    if (call.confirm != "auto") return Tell(pipeline_.Apply(call, caller_.who), reply);
    if (std::optional<Refusal> why = guard_.WhyNotAuto(call)) {
      return Tell({.refusal = std::move(why), .reason = {}, .findings = {}}, reply);
    }
    call.confirm.clear();
    const ApplyOutcome outcome = pipeline_.Apply(call, caller_.who);
    const bool is_on_trial = !outcome.refusal && outcome.state == ChangeState::kTrial;
    if (is_on_trial) guard_.ConfirmByItself(outcome.revision);
    return Tell(outcome, reply);
  }

  grpc::Status AwaitTrial(grpc::ServerContext*, const v1::AwaitTrialRequest* request,
                          v1::ApplyReply* reply) override {
    if (!MayCall("apply", Role::kLook, reply)) return grpc::Status::OK;
    const absl::Duration wait =
        std::clamp(absl::Seconds(request->wait_seconds()), absl::ZeroDuration(), kWaitMax);
    const absl::StatusOr<ApplyOutcome> outcome =
        pipeline_.AwaitTrialEnd(request->revision(), absl::Now() + wait);
    if (outcome.ok()) return Tell(*outcome, reply);
    FillError(outcome.status(), reply->mutable_error());
    return grpc::Status::OK;
  }

  grpc::Status AwaitShadow(grpc::ServerContext*, const v1::AwaitShadowRequest* request,
                           v1::ApplyReply* reply) override {
    if (!MayCall("apply", Role::kLook, reply)) return grpc::Status::OK;
    const std::optional<ShadowView> shadow = shadows_.View();
    if (shadow && shadow->number == request->number()) {
      FillShadowReply(*shadow, reply);
    } else {
      FillError("not_found", absl::StrCat("there is no shadow ", request->number(), " any more"),
                "evenkeeld was started anew, or another one was begun; nothing was changed",
                reply->mutable_error());
    }
    return grpc::Status::OK;
  }

  grpc::Status Confirm(grpc::ServerContext*, const v1::ConfirmRequest*,
                       v1::ApplyReply* reply) override {
    if (!MayCall("confirm", Role::kChange, reply)) return grpc::Status::OK;
    return Tell(pipeline_.Confirm(caller_.who), reply);
  }

  grpc::Status Rollback(grpc::ServerContext*, const v1::RollbackRequest* request,
                        v1::ApplyReply* reply) override {
    if (!MayCall("rollback", Role::kChange, reply)) return grpc::Status::OK;
    RollbackCall call{.to = {}, .reason = request->reason(), .judged = {}};
    if (request->has_to()) call.to = request->to();
    return Tell(pipeline_.Rollback(call, caller_.who), reply);
  }

  grpc::Status Drain(grpc::ServerContext*, const v1::DrainRequest* request,
                     v1::ApplyReply* reply) override {
    if (!MayCall("drain", Role::kChange, reply)) return grpc::Status::OK;
    DrainCall call{.pool = request->pool(),
                   .backend = request->backend(),
                   .reason = request->reason(),
                   .until = {},
                   .force = request->force()};
    if (request->has_until()) {
      call.until = decoding::ParseInstant(request->until());
      if (!call.until) {
        FillError("usage", absl::StrCat("'", request->until(), "' is no time"),
                  "write a time as in RFC 3339, for example 2027-01-31T12:00:00Z",
                  reply->mutable_error());
        return grpc::Status::OK;
      }
    }
    return Tell(pipeline_.Drain(call, caller_.who), reply);
  }

  grpc::Status Undrain(grpc::ServerContext*, const v1::UndrainRequest* request,
                       v1::ApplyReply* reply) override {
    if (!MayCall("undrain", Role::kChange, reply)) return grpc::Status::OK;
    const DrainCall call{.pool = request->pool(),
                         .backend = request->backend(),
                         .reason = request->reason(),
                         .until = {}};
    return Tell(pipeline_.Undrain(call, caller_.who), reply);
  }

  grpc::Status History(grpc::ServerContext*, const v1::HistoryRequest*,
                       v1::HistoryReply* reply) override {
    if (!MayCall("history", Role::kLook, reply)) return grpc::Status::OK;
    const absl::StatusOr<std::vector<Revision>> revisions = pipeline_.History();
    if (revisions.ok()) {
      FillHistory(*revisions, reply);
    } else {
      FillError(revisions.status(), reply->mutable_error());
    }
    return grpc::Status::OK;
  }

  grpc::Status Show(grpc::ServerContext*, const v1::ShowRequest* request,
                    v1::ShowReply* reply) override {
    if (!MayCall("show", Role::kLook, reply)) return grpc::Status::OK;
    const absl::StatusOr<Revision> revision = pipeline_.Show(request->revision());
    if (revision.ok()) {
      FillShow(*revision, reply);
    } else {
      FillError(revision.status(), reply->mutable_error());
    }
    return grpc::Status::OK;
  }

  grpc::Status Audit(grpc::ServerContext*, const v1::AuditRequest*,
                     v1::AuditReply* reply) override {
    if (MayCall("audit", Role::kLook, reply)) FillAudit(pipeline_.Audit(), reply);
    return grpc::Status::OK;
  }

  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*,
                      v1::StatusReply* reply) override {
    if (!MayCall("status", Role::kLook, reply)) return grpc::Status::OK;
    FillStatus(pipeline_, traffic_.Now(), reply);
    const std::optional<ShadowView> shadow = shadows_.View();
    if (shadow && shadow->is_running) FillShadow(*shadow, reply->mutable_shadow());
    return grpc::Status::OK;
  }

  grpc::Status Services(grpc::ServerContext*, const v1::ServicesRequest*,
                        v1::ServicesReply* reply) override {
    if (MayCall("services", Role::kLook, reply)) {
      FillServices(pipeline_.Running(), traffic_.Now(), reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status Backends(grpc::ServerContext*, const v1::BackendsRequest*,
                        v1::BackendsReply* reply) override {
    if (MayCall("backends", Role::kLook, reply)) {
      FillBackends(pipeline_, traffic_.Now(), reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status Explain(grpc::ServerContext*, const v1::ExplainRequest* request,
                       v1::ExplainReply* reply) override {
    if (MayCall("explain", Role::kLook, reply)) {
      FillExplain(pipeline_.Running(), *request, reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status Drops(grpc::ServerContext*, const v1::DropsRequest*,
                     v1::DropsReply* reply) override {
    if (MayCall("drops", Role::kLook, reply)) FillDrops(traffic_.Now(), reply);
    return grpc::Status::OK;
  }

  grpc::Status Version(grpc::ServerContext*, const v1::VersionRequest*,
                       v1::VersionReply* reply) override {
    if (MayCall("version", Role::kLook, reply)) FillVersion(reply);
    return grpc::Status::OK;
  }

  grpc::Status Detach(grpc::ServerContext*, const v1::DetachRequest*,
                      v1::DetachReply* reply) override {
    if (!MayCall("detach", Role::kChange, reply)) return grpc::Status::OK;
    std::vector<std::string> removed;
    absl::Status status;
    for (PlaneSink* sink : pipeline_.sinks()) status.Update(sink->Detach(&removed));
    // What a former evenkeeld left on other interfaces goes too.
    status.Update(RemovePins(kPinRoot, &removed));
    for (std::string& path : removed) reply->add_removed(std::move(path));
    if (!status.ok()) {
      FillError("internal", status.message(), "see the log of evenkeeld", reply->mutable_error());
    }
    return grpc::Status::OK;
  }

 private:
  template <typename Reply>
  bool MayCall(absl::string_view verb, Role needed, Reply* reply) const {
    if (caller_.role >= needed) return true;
    const bool change = needed == Role::kChange;
    pipeline_.LogRefusal(verb, caller_.who,
                         change ? "may not change anything" : "may not look at anything");
    FillError(
        "permission", absl::StrCat(caller_.who.name, " may not call ", verb, " on this evenkeeld"),
        change ? "be root, or of the group that evenkeeld's --change-group names"
               : "be root, or of the group that evenkeeld's --look-group or --change-group names",
        reply->mutable_error());
    return false;
  }

  grpc::Status BeginShadow(const ApplyCall& call, v1::ApplyReply* reply) {
    const ShadowStart start =
        shadows_.Begin(call, call.confirm_within.value_or(ShadowBook::kUsual), caller_.who);
    for (const Finding& finding : start.findings) FillFinding(finding, reply->add_findings());
    if (start.refusal) {
      FillError(start.refusal->code, start.refusal->message, start.refusal->hint,
                reply->mutable_error());
    } else {
      FillShadowReply(*start.view, reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status Tell(const ApplyOutcome& outcome, v1::ApplyReply* reply) const {
    FillApply(outcome, absl::Now(), reply);
    return grpc::Status::OK;
  }

  Pipeline& pipeline_;
  Traffic& traffic_;
  TrialGuard& guard_;
  ShadowBook& shadows_;
  const Caller caller_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeControlService(Pipeline* pipeline, Traffic* traffic,
                                                  TrialGuard* guard, ShadowBook* shadows,
                                                  const Caller& caller) {
  return std::make_shared<ControlService>(pipeline, traffic, guard, shadows, caller);
}

}  // namespace evenkeel
