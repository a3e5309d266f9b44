// The operator's Unix socket: accepted by evenkeeld itself, because gRPC's own listener would hide
// who is at the other end.
//
// One thread accepts and calls the handler, so the handler must not block. The socket is taken with
// a lock beside it (PATH.lock), so that of two daemons that start together one is refused.
//
//   auto listener = UnixListener::Listen("/run/evenkeel/control.sock", 0660);
//   (*listener)->Start([&](UniqueFd connection, const Peer& peer) { servers.Serve(...); });
#ifndef CONTROL_API_UNIX_LISTENER_H_
#define CONTROL_API_UNIX_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "control/api/access.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class UnixListener {
 public:
  // The connection is non-blocking and belongs to the handler.
  using Handler = std::function<void(UniqueFd connection, const Peer& peer)>;

  // Replaces a socket that nobody answers at any more; makes the folder of `path` if it is absent.
  // AlreadyExists: a live daemon has it. InvalidArgument: the path is too long for a Unix socket.
  static absl::StatusOr<std::unique_ptr<UnixListener>> Listen(const std::string& path, mode_t mode);

  // Stops accepting and removes the socket; connections that were handed over live on.
  ~UnixListener();

  // Once.
  void Start(Handler handler);

 private:
  UnixListener(std::string path, UniqueFd lock, UniqueFd socket, UniqueFd stop)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        socket_(std::move(socket)),
        stop_(std::move(stop)) {}

  void Accept(const Handler& handler);

  std::string path_;
  UniqueFd lock_;
  UniqueFd socket_;
  UniqueFd stop_;  // an eventfd: readable when the thread shall end
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_API_UNIX_LISTENER_H_
