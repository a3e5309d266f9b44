#include "control/api/control_service.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "bpf/pins.h"
#include "control/api/evenkeel.grpc.pb.h"
#include "control/api/reports.h"
#include "control/app/log.h"

namespace evenkeel {
namespace {

class ControlService final : public v1::Control::Service {
 public:
  ControlService(Pipeline* pipeline, Traffic* traffic, const Caller& caller)
      : pipeline_(*pipeline), traffic_(*traffic), caller_(caller) {}

  grpc::Status Apply(grpc::ServerContext*, const v1::ApplyRequest* request,
                     v1::ApplyReply* reply) override {
    if (!MayCall("apply", Role::kChange, reply)) return grpc::Status::OK;
    ApplyCall call{.content = request->content(),
                   .file = request->file(),
                   .reason = request->reason(),
                   .confirm = request->confirm(),
                   .base_revision = {}};
    if (request->has_base_revision()) call.base_revision = request->base_revision();
    FillApply(pipeline_.Apply(call, caller_.who), reply);
    return grpc::Status::OK;
  }

  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*,
                      v1::StatusReply* reply) override {
    if (MayCall("status", Role::kLook, reply)) FillStatus(pipeline_, traffic_.Now(), reply);
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
      FillBackends(pipeline_.Running(), traffic_.Now(), reply);
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
    if (caller_.role == Role::kLook) {  // who may nothing at all was named when he connected
      LogWarning("api", "refused ", verb, " to ", caller_.who.name, " (uid ", caller_.who.uid,
                 "), who may look but not change");
    }
    FillError(
        "permission", absl::StrCat(caller_.who.name, " may not call ", verb, " on this evenkeeld"),
        change ? "be root, or of the group that evenkeeld's --change-group names"
               : "be root, or of the group that evenkeeld's --look-group or --change-group names",
        reply->mutable_error());
    return false;
  }

  Pipeline& pipeline_;
  Traffic& traffic_;
  const Caller caller_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeControlService(Pipeline* pipeline, Traffic* traffic,
                                                  const Caller& caller) {
  return std::make_shared<ControlService>(pipeline, traffic, caller);
}

}  // namespace evenkeel
