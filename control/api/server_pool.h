// The gRPC side of the operator's socket: connections that the listener accepted, served with the
// knowledge of who is at the other end.
//
// gRPC tells a handler nothing about the peer of a descriptor that was handed to it. So there is
// one grpc::Server for each (user, role): its service object is bound to that caller. Servers are
// made on first use and kept; a host has few operators. Serve() is called from the listener's
// thread.
#ifndef CONTROL_API_SERVER_POOL_H_
#define CONTROL_API_SERVER_POOL_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "control/api/access.h"
#include "control/store/revision.h"
#include "dataplane/table/region.h"

namespace grpc {
class Service;
}

namespace evenkeel {

// On whose behalf a call runs.
struct Caller {
  Who who;
  Role role = Role::kNone;
};

using ServiceFactory = std::function<std::shared_ptr<grpc::Service>(const Caller&)>;

class ServerPool {
 public:
  explicit ServerPool(ServiceFactory factory);
  // Ends every connection; calls that run are given a second to finish.
  ~ServerPool();

  // ResourceExhausted: more different callers than the pool holds.
  absl::Status Serve(UniqueFd connection, const Caller& caller);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace evenkeel

#endif  // CONTROL_API_SERVER_POOL_H_
