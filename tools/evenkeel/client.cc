#include "tools/evenkeel/client.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/api/evenkeel.grpc.pb.h"
#include "control/config/literals.h"
#include "tools/evenkeel/socket.h"

namespace evenkeel::cli {
namespace {

// A configuration file has up to 16 MiB, and its findings may be as long.
constexpr int kMessageBytesMax = 64 << 20;

// The API carries refusals in its replies, so a gRPC status speaks of the way there.
Failure ExplainTransport(const std::string& socket, absl::Duration timeout,
                         const grpc::Status& status) {
  const std::string daemon = absl::StrCat("evenkeeld on ", socket);
  const std::string& text = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Failure{ExitStatus::kNoDaemon, "unavailable",
                     absl::StrCat(daemon, " gave no answer within ", decoding::FormatSpan(timeout)),
                     "look at its log, or wait longer with --timeout=D"};
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return Failure{ExitStatus::kRefused, "permission", absl::StrCat(daemon, " refused: ", text),
                     "run it as root, or join the group of evenkeeld's --look-group or "
                     "--change-group"};
    case grpc::StatusCode::UNIMPLEMENTED:
      return Failure{ExitStatus::kRefused, "unavailable",
                     absl::StrCat(daemon, " does not know this call"),
                     "evenkeel and evenkeeld are of different versions: install the same"};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Failure{ExitStatus::kRefused, "refused", absl::StrCat(daemon, " refused: ", text),
                     "a message has at most 64 MiB"};
    default:
      return Failure{
          ExitStatus::kNoDaemon, "unavailable",
          absl::StrCat("no answer from ", socket, ": the connection broke off (", text, ")"),
          "check that evenkeeld runs and that --socket names its socket"};
  }
}

std::optional<Failure> ExplainError(bool has_error, const v1::Error& error) {
  if (!has_error) return std::nullopt;
  const ExitStatus exit = error.code() == "usage" ? ExitStatus::kUsage : ExitStatus::kRefused;
  return Failure{exit, error.code(), error.message(), error.hint()};
}

}  // namespace

class Client::Channel {
 public:
  // Owns `fd`. gRPC resolves nothing and asks no proxy: the connection is there.
  explicit Channel(int fd) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
    arguments.SetMaxSendMessageSize(kMessageBytesMax);
    stub_ =
        v1::Control::NewStub(grpc::CreateCustomInsecureChannelFromFd("evenkeel", fd, arguments));
  }

  v1::Control::Stub& stub() { return *stub_; }

 private:
  std::unique_ptr<v1::Control::Stub> stub_;
};

Client::Client(std::string socket, absl::Duration timeout)
    : socket_(std::move(socket)), timeout_(timeout) {}

Client::~Client() = default;

template <typename Method, typename Request, typename Reply>
std::optional<Failure> Client::Ask(Method method, const Request& request, Reply& reply) {
  const absl::Time deadline = absl::Now() + timeout_;
  asked_ = false;
  if (channel_ == nullptr) {
    std::variant<int, Failure> connected = ConnectSocket(socket_, deadline);
    if (auto* failure = std::get_if<Failure>(&connected)) return std::move(*failure);
    channel_ = std::make_unique<Channel>(std::get<int>(connected));
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  asked_ = true;
  const grpc::Status status = (channel_->stub().*method)(&context, request, &reply);
  if (status.ok()) return ExplainError(reply.has_error(), reply.error());
  channel_.reset();
  return ExplainTransport(socket_, timeout_, status);
}

template <typename Method, typename Request>
std::optional<Failure> Client::AskChange(Method method, const Request& request,
                                         v1::ApplyReply& reply) {
  std::optional<Failure> failure = Ask(method, request, reply);
  if (failure && failure->exit == ExitStatus::kNoDaemon && asked_) {
    failure->hint = "whether it was done is not known: ask evenkeel status";
  }
  return failure;
}

std::optional<Failure> Client::Call(const v1::PlanRequest& request, v1::PlanReply& reply) {
  return Ask(&v1::Control::Stub::Plan, request, reply);
}
std::optional<Failure> Client::Call(const v1::AwaitTrialRequest& request, v1::ApplyReply& reply) {
  return Ask(&v1::Control::Stub::AwaitTrial, request, reply);
}
std::optional<Failure> Client::Call(const v1::AwaitShadowRequest& request, v1::ApplyReply& reply) {
  return Ask(&v1::Control::Stub::AwaitShadow, request, reply);
}
std::optional<Failure> Client::Call(const v1::HistoryRequest& request, v1::HistoryReply& reply) {
  return Ask(&v1::Control::Stub::History, request, reply);
}
std::optional<Failure> Client::Call(const v1::ShowRequest& request, v1::ShowReply& reply) {
  return Ask(&v1::Control::Stub::Show, request, reply);
}
std::optional<Failure> Client::Call(const v1::AuditRequest& request, v1::AuditReply& reply) {
  return Ask(&v1::Control::Stub::Audit, request, reply);
}
std::optional<Failure> Client::Call(const v1::StatusRequest& request, v1::StatusReply& reply) {
  return Ask(&v1::Control::Stub::Status, request, reply);
}
std::optional<Failure> Client::Call(const v1::ServicesRequest& request, v1::ServicesReply& reply) {
  return Ask(&v1::Control::Stub::Services, request, reply);
}
std::optional<Failure> Client::Call(const v1::BackendsRequest& request, v1::BackendsReply& reply) {
  return Ask(&v1::Control::Stub::Backends, request, reply);
}
std::optional<Failure> Client::Call(const v1::ExplainRequest& request, v1::ExplainReply& reply) {
  return Ask(&v1::Control::Stub::Explain, request, reply);
}
std::optional<Failure> Client::Call(const v1::DropsRequest& request, v1::DropsReply& reply) {
  return Ask(&v1::Control::Stub::Drops, request, reply);
}
std::optional<Failure> Client::Call(const v1::DetachRequest& request, v1::DetachReply& reply) {
  return Ask(&v1::Control::Stub::Detach, request, reply);
}
std::optional<Failure> Client::Call(const v1::ApplyRequest& request, v1::ApplyReply& reply) {
  return AskChange(&v1::Control::Stub::Apply, request, reply);
}
std::optional<Failure> Client::Call(const v1::ConfirmRequest& request, v1::ApplyReply& reply) {
  return AskChange(&v1::Control::Stub::Confirm, request, reply);
}
std::optional<Failure> Client::Call(const v1::RollbackRequest& request, v1::ApplyReply& reply) {
  return AskChange(&v1::Control::Stub::Rollback, request, reply);
}
std::optional<Failure> Client::Call(const v1::DrainRequest& request, v1::ApplyReply& reply) {
  return AskChange(&v1::Control::Stub::Drain, request, reply);
}
std::optional<Failure> Client::Call(const v1::UndrainRequest& request, v1::ApplyReply& reply) {
  return AskChange(&v1::Control::Stub::Undrain, request, reply);
}

}  // namespace evenkeel::cli
