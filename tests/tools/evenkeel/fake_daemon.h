// A stand-in for evenkeeld: the real gRPC service on a Unix socket, with answers that the test
// gives.
#ifndef TESTS_TOOLS_EVENKEEL_FAKE_DAEMON_H_
#define TESTS_TOOLS_EVENKEEL_FAKE_DAEMON_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/api/evenkeel.pb.h"

namespace evenkeel::cli {

// Set the answers before the first call; they are given from gRPC's threads.
struct FakeAnswers {
  v1::PlanReply plan;
  v1::ApplyReply apply;
  v1::ApplyReply await_trial;
  v1::ApplyReply await_shadow;
  v1::ApplyReply confirm;
  v1::ApplyReply rollback;
  v1::ApplyReply drain;
  v1::ApplyReply undrain;
  v1::HistoryReply history;
  std::map<int64_t, v1::ShowReply> shown;  // by revision; another one is not_found
  v1::AuditReply audit;
  v1::StatusReply status;
  v1::ServicesReply services;
  v1::BackendsReply backends;
  v1::ExplainReply explain;
  v1::DropsReply drops;
  // Every call waits until the caller gives up.
  bool hang = false;
  // Every call fails with this gRPC status code.
  int grpc_code = 0;
  // Runs at every look at the backends, and may change the answer.
  std::function<void(v1::BackendsReply&)> on_backends;
};

class FakeDaemon {
 public:
  FakeDaemon(std::string socket, FakeAnswers answers);
  ~FakeDaemon();  // ends the calls that hang

  const std::string& socket() const { return socket_; }
  // What the last call of its kind asked for.
  v1::ApplyRequest applied() const;
  v1::ExplainRequest explained() const;
  v1::PlanRequest planned() const;
  v1::RollbackRequest rolled_back() const;
  v1::DrainRequest drained() const;
  v1::UndrainRequest undrained() const;

 private:
  class Service;

  const std::string socket_;
  std::unique_ptr<Service> service_;
};

}  // namespace evenkeel::cli

#endif  // TESTS_TOOLS_EVENKEEL_FAKE_DAEMON_H_
