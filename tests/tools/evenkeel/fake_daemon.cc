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
    absl::MutexLock lock(&mutex_);
    applied_ = *request;
    return Give(context, answers_.apply, reply);
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
    absl::MutexLock lock(&mutex_);
    explained_ = *request;
    return Give(context, answers_.explain, reply);
  }
  grpc::Status Drops(grpc::ServerContext* context, const v1::DropsRequest*,
                     v1::DropsReply* reply) override {
    return Give(context, answers_.drops, reply);
  }

  v1::ApplyRequest applied() {
    absl::MutexLock lock(&mutex_);
    return applied_;
  }
  v1::ExplainRequest explained() {
    absl::MutexLock lock(&mutex_);
    return explained_;
  }

 private:
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
  v1::ApplyRequest applied_;
  v1::ExplainRequest explained_;
  std::unique_ptr<grpc::Server> server_;
};

FakeDaemon::FakeDaemon(std::string socket, FakeAnswers answers)
    : socket_(std::move(socket)),
      service_(std::make_unique<Service>(socket_, std::move(answers))) {}

FakeDaemon::~FakeDaemon() = default;

v1::ApplyRequest FakeDaemon::applied() const { return service_->applied(); }
v1::ExplainRequest FakeDaemon::explained() const { return service_->explained(); }

}  // namespace evenkeel::cli
