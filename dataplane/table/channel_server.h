// The plane's end of the channel: a listening socket and one active control. A new connection
// supersedes the old one (a restarted control must not wait for its predecessor's timeout). Nothing
// here blocks: the manager thread polls poll_fd() with whatever else it waits for, then calls
// Receive() until it is empty.
//
// Listen() refuses a path on which a live daemon listens, and replaces a socket that a dead one
// left.
#ifndef DATAPLANE_TABLE_CHANNEL_SERVER_H_
#define DATAPLANE_TABLE_CHANNEL_SERVER_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/table/channel.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class ChannelServer {
 public:
  // AlreadyExists when a live daemon owns the socket (the message names its pid).
  static absl::StatusOr<std::unique_ptr<ChannelServer>> Listen(absl::string_view path);
  ~ChannelServer();

  // Readable when Receive() has something to do, news aside; for the caller's own poll() or epoll.
  int poll_fd() const { return epoll_.get(); }
  // poll_fd() is readable also when `fd` is, which the caller looks after.
  absl::Status WatchAlso(int fd);

  struct Event {
    enum class Kind { kConnected, kMessage, kDisconnected } kind;
    Message message;     // kMessage
    std::string reason;  // kDisconnected: why
  };
  // The next thing that happened; nullptr when nothing has. Accepts, receives and goes on sending.
  std::unique_ptr<Event> Receive();
  // A connection has begun or ended that Receive() has yet to report: call it before poll().
  bool has_news() const { return announce_ || disconnected_.has_value(); }

  // Sends to the active control, or queues what its socket has no room for. `keep_alive` holds what
  // owns the descriptors until they are sent. Dropped silently when nobody is connected.
  template <typename T>
  void Send(const T& message, std::vector<int> fds = {},
            std::shared_ptr<const void> keep_alive = nullptr) {
    SendBytes(std::as_bytes(std::span(&message, 1)), std::move(fds), std::move(keep_alive));
  }

  bool connected() const { return peer_.valid(); }
  // Ends the active connection; Receive() then reports it with `reason`.
  void Disconnect(std::string reason);

 private:
  struct Outgoing {
    std::vector<std::byte> bytes;
    std::vector<int> fds;
    std::shared_ptr<const void> keep_alive;
  };

  ChannelServer(std::string path, UniqueFd lock, UniqueFd listener, UniqueFd epoll);
  void SendBytes(std::span<const std::byte> bytes, std::vector<int> fds,
                 std::shared_ptr<const void> keep_alive);
  void AcceptPending();
  void Flush();
  void WatchPeer(bool writable);

  std::string path_;
  UniqueFd lock_;
  UniqueFd listener_;
  UniqueFd epoll_;
  UniqueFd peer_;
  std::deque<Outgoing> outgoing_;
  bool announce_ = false;                    // a connection that Receive() has yet to report
  std::optional<std::string> disconnected_;  // likewise its end
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_CHANNEL_SERVER_H_
