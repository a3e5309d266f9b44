#include "control/api/server_pool.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr size_t kServersMax = 64;
constexpr std::chrono::seconds kGrace(1);
// A configuration may be 16 MiB, and the message has other fields.
constexpr int kMessageBytesMax = 20 << 20;

std::unique_ptr<grpc::Server> StartServer(grpc::Service* service) {
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  // One queue with few threads: an operator's calls are rare and short.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  return builder.BuildAndStart();
}

}  // namespace

struct ServerPool::Impl {
  struct BoundServer {
    std::shared_ptr<grpc::Service> service;  // outlives its server
    std::unique_ptr<grpc::Server> server;
  };

  ServiceFactory factory;
  std::map<std::pair<uint32_t, Role>, BoundServer> servers;
};

ServerPool::ServerPool(ServiceFactory factory) : impl_(std::make_unique<Impl>()) {
  impl_->factory = std::move(factory);
}

ServerPool::~ServerPool() {
  const auto deadline = std::chrono::system_clock::now() + kGrace;
  for (auto& [key, bound] : impl_->servers) bound.server->Shutdown(deadline);
}

absl::Status ServerPool::Serve(UniqueFd connection, const Caller& caller) {
  const auto key = std::make_pair(caller.who.uid, caller.role);
  auto found = impl_->servers.find(key);
  if (found == impl_->servers.end()) {
    if (impl_->servers.size() >= kServersMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", kServersMax, " different users have called"));
    }
    std::shared_ptr<grpc::Service> service = impl_->factory(caller);
    std::unique_ptr<grpc::Server> server = StartServer(service.get());
    if (server == nullptr) return absl::InternalError("cannot start a gRPC server");
    found =
        impl_->servers.emplace(key, Impl::BoundServer{std::move(service), std::move(server)}).first;
  }
  grpc::AddInsecureChannelFromFd(found->second.server.get(), connection.Release());
  return absl::OkStatus();
}

}  // namespace evenkeel
