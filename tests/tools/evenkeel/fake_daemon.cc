#include "tests/tools/evenkeel/fake_daemon.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "control/api/evenkeel.grpc.pb.h"

namespace evenkeel::cli {

class FakeDaemon::Service final : public v1::Control::Service {
 public:
  Service(const std::string& socket, FakeAnswers answers) : answers_(std::move(answers)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(64 << 20);
    server_ = builder.BuildAndStart();
  }
  ~Service() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Apply(grpc::ServerContext* context, const v1::ApplyRequest* request,
                     v1::ApplyReply* reply) override {
    return Keep(context, *request, applied_, answers_.apply, reply);
  }
  grpc::Status Plan(grpc::ServerContext* context, const v1::PlanRequest* request,
                    v1::PlanReply* reply) override {
    return Keep(context, *request, planned_, answers_.plan, reply);
  }
  grpc::Status AwaitTrial(grpc::ServerContext* context, const v1::AwaitTrialRequest*,
                          v1::ApplyReply* reply) override {
    return Give(context, answers_.await_trial, reply);
  }
  grpc::Status AwaitShadow(grpc::ServerContext* context, const v1::AwaitShadowRequest*,
                           v1::ApplyReply* reply) override {
    return Give(context, answers_.await_shadow, reply);
  }
  grpc::Status Confirm(grpc::ServerContext* context, const v1::ConfirmRequest*,
                       v1::ApplyReply* reply) override {
    return Give(context, answers_.confirm, reply);
  }
  grpc::Status Rollback(grpc::ServerContext* context, const v1::RollbackRequest* request,
                        v1::ApplyReply* reply) override {
    return Keep(context, *request, rolled_back_, answers_.rollback, reply);
  }
  grpc::Status Drain(grpc::ServerContext* context, const v1::DrainRequest* request,
                     v1::ApplyReply* reply) override {
    return Keep(context, *request, drained_, answers_.drain, reply);
  }
  grpc::Status Undrain(grpc::ServerContext* context, const v1::UndrainRequest* request,
                       v1::ApplyReply* reply) override {
    return Keep(context, *request, undrained_, answers_.undrain, reply);
  }
  grpc::Status History(grpc::ServerContext* context, const v1::HistoryRequest*,
                       v1::HistoryReply* reply) override {
    return Give(context, answers_.history, reply);
  }
  grpc::Status Show(grpc::ServerContext* context, const v1::ShowRequest* request,
                    v1::ShowReply* reply) override {
    v1::ShowReply none;
    none.mutable_error()->set_code("not_found");
    none.mutable_error()->set_message("there is no such revision");
    const auto found = answers_.shown.find(request->revision());
    return Give(context, found == answers_.shown.end() ? none : found->second, reply);
  }
  grpc::Status Audit(grpc::ServerContext* context, const v1::AuditRequest*,
                     v1::AuditReply* reply) override {
    return Give(context, answers_.audit, reply);
  }
  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest*,
                      v1::StatusReply* reply) override {
    return Give(context, answers_.status, reply);
  }
  grpc::Status Services(grpc::ServerContext* context, const v1::ServicesRequest*,
                        v1::ServicesReply* reply) override {
    return Give(context, answers_.services, reply);
  }
  grpc::Status Backends(grpc::ServerContext* context, const v1::BackendsRequest*,
                        v1::BackendsReply* reply) override {
    absl::MutexLock lock(&mutex_);
    if (answers_.on_backends) answers_.on_backends(answers_.backends);
    return Give(context, answers_.backends, reply);
  }
  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainReply* reply) override {
    return Keep(context, *request, explained_, answers_.explain, reply);
  }
  grpc::Status Drops(grpc::ServerContext* context, const v1::DropsRequest*,
                     v1::DropsReply* reply) override {
    return Give(context, answers_.drops, reply);
  }

  template <typename Request>
  Request Kept(const Request& request) {
    absl::MutexLock lock(&mutex_);
    return request;
  }

  v1::ApplyRequest applied_;
  v1::ExplainRequest explained_;
  v1::PlanRequest planned_;
  v1::RollbackRequest rolled_back_;
  v1::DrainRequest drained_;
  v1::UndrainRequest undrained_;

 private:
  template <typename Request, typename Reply>
  grpc::Status Keep(grpc::ServerContext* context, const Request& request, Request& kept,
                    const Reply& answer, Reply* reply) {
    {
      absl::MutexLock lock(&mutex_);
      kept = request;
    }
    return Give(context, answer, reply);
  }

  template <typename Reply>
  grpc::Status Give(grpc::ServerContext* context, const Reply& answer, Reply* reply) const {
    while (answers_.hang && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    if (answers_.grpc_code != 0) {
      return grpc::Status(static_cast<grpc::StatusCode>(answers_.grpc_code), "as told");
    }
    *reply = answer;
    return grpc::Status::OK;
  }

  FakeAnswers answers_;
  absl::Mutex mutex_;
  std::unique_ptr<grpc::Server> server_;
};

FakeDaemon::FakeDaemon(std::string socket, FakeAnswers answers)
    : socket_(std::move(socket)),
      service_(std::make_unique<Service>(socket_, std::move(answers))) {}

FakeDaemon::~FakeDaemon() = default;

v1::ApplyRequest FakeDaemon::applied() const { return service_->Kept(service_->applied_); }
v1::ExplainRequest FakeDaemon::explained() const { return service_->Kept(service_->explained_); }
v1::PlanRequest FakeDaemon::planned() const { return service_->Kept(service_->planned_); }
v1::RollbackRequest FakeDaemon::rolled_back() const {
  return service_->Kept(service_->rolled_back_);
}
v1::DrainRequest FakeDaemon::drained() const { return service_->Kept(service_->drained_); }
v1::UndrainRequest FakeDaemon::undrained() const { return service_->Kept(service_->undrained_); }

}  // namespace evenkeel::cli
