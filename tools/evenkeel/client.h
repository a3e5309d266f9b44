// Calls evenkeeld. One object a call of the CLI, used by one thread.
//
//   Client client(arguments.socket, arguments.timeout);
//   v1::StatusReply status;
//   if (auto failure = client.Call(v1::StatusRequest(), status)) return console.Fail(*failure);
#ifndef TOOLS_EVENKEEL_CLIENT_H_
#define TOOLS_EVENKEEL_CLIENT_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

class Client {
 public:
  // Connects at the first call, and again at the call after one that failed.
  Client(std::string socket, absl::Duration timeout);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Each takes at most the timeout, connecting included. Nothing on success; a failure is either
  // the transport's (no daemon, no answer) or the reply's own `error`, and then the rest of the
  // reply is filled in all the same.
  std::optional<Failure> Call(const v1::PlanRequest& request, v1::PlanReply& reply);
  std::optional<Failure> Call(const v1::AwaitTrialRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::AwaitShadowRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::HistoryRequest& request, v1::HistoryReply& reply);
  std::optional<Failure> Call(const v1::ShowRequest& request, v1::ShowReply& reply);
  std::optional<Failure> Call(const v1::AuditRequest& request, v1::AuditReply& reply);
  std::optional<Failure> Call(const v1::StatusRequest& request, v1::StatusReply& reply);
  std::optional<Failure> Call(const v1::ServicesRequest& request, v1::ServicesReply& reply);
  std::optional<Failure> Call(const v1::BackendsRequest& request, v1::BackendsReply& reply);
  std::optional<Failure> Call(const v1::ExplainRequest& request, v1::ExplainReply& reply);
  std::optional<Failure> Call(const v1::DropsRequest& request, v1::DropsReply& reply);
  std::optional<Failure> Call(const v1::DetachRequest& request, v1::DetachReply& reply);

  // What changes something: no answer then does not mean that nothing was done, and the hint says
  // so.
  std::optional<Failure> Call(const v1::ApplyRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::ConfirmRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::RollbackRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::DrainRequest& request, v1::ApplyReply& reply);
  std::optional<Failure> Call(const v1::UndrainRequest& request, v1::ApplyReply& reply);

 private:
  class Channel;

  template <typename Method, typename Request, typename Reply>
  std::optional<Failure> Ask(Method method, const Request& request, Reply& reply);
  template <typename Method, typename Request>
  std::optional<Failure> AskChange(Method method, const Request& request, v1::ApplyReply& reply);

  const std::string socket_;
  const absl::Duration timeout_;
  std::unique_ptr<Channel> channel_;  // null: not connected
  bool asked_ = false;                // the last call got as far as sending its request
};

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CLIENT_H_
