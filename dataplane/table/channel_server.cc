#include "dataplane/table/channel_server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr size_t kOutgoingMax = 256;  // messages that wait for a peer that does not read

absl::Status Failed(absl::string_view what, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

// Held for the life of the daemon; the kernel gives it back however that ends.
absl::StatusOr<UniqueFd> TakeLock(const std::string& path) {
  const std::string lock_path = path + ".lock";
  UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return Failed("opening", lock_path);
  char owner[16] = {};
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const ssize_t n = pread(lock.get(), owner, sizeof(owner) - 1, 0);
    return absl::AlreadyExistsError(absl::StrCat("socket ", path, " is in use by a live daemon",
                                                 n > 0 ? absl::StrCat(", pid ", owner) : "",
                                                 ": stop it, or use another --socket"));
  }
  const std::string pid = absl::StrCat(getpid());
  if (ftruncate(lock.get(), 0) != 0 ||
      pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return Failed("writing", lock_path);
  }
  return lock;
}

// Whether a program without our lock listens there.
bool SomebodyListens(const SocketAddress& address) {
  const UniqueFd probe(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int result =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.size);
  return result == 0 || errno == EAGAIN || errno == EPROTOTYPE;
}

absl::StatusOr<UniqueFd> Bind(const std::string& path, const SocketAddress& address) {
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return absl::AlreadyExistsError(absl::StrCat(path, " exists and is not a socket"));
    }
    if (unlink(path.c_str()) != 0) return Failed("removing the stale socket", path);
  }
  UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return Failed("making a socket for", path);
  // Before listen(): nobody can connect before only root (or our own user) may.
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.size) != 0 ||
      chmod(path.c_str(), 0600) != 0 || listen(listener.get(), 8) != 0) {
    return Failed("listening on", path);
  }
  return listener;
}

absl::Status Watch(int epoll, int operation, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(epoll, operation, fd, &event) == 0 ? absl::OkStatus()
                                                      : Failed("watching", "a socket");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelServer>> ChannelServer::Listen(absl::string_view where) {
  const std::string path(where);
  const absl::StatusOr<SocketAddress> address = UnixAddress(path);
  if (!address.ok()) return address.status();
  absl::StatusOr<UniqueFd> lock = TakeLock(path);
  if (!lock.ok()) return lock.status();
  if (SomebodyListens(*address)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "socket ", path, " is in use by a live program: stop it, or use another --socket"));
  }
  absl::StatusOr<UniqueFd> listener = Bind(path, *address);
  if (!listener.ok()) return listener.status();
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Failed("making an epoll for", path);
  absl::Status watched = Watch(epoll.get(), EPOLL_CTL_ADD, listener->get(), EPOLLIN);
  if (!watched.ok()) return watched;
  return std::unique_ptr<ChannelServer>(
      new ChannelServer(path, *std::move(lock), *std::move(listener), std::move(epoll)));
}

ChannelServer::ChannelServer(std::string path, UniqueFd lock, UniqueFd listener, UniqueFd epoll)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      listener_(std::move(listener)),
      epoll_(std::move(epoll)) {}

absl::Status ChannelServer::WatchAlso(int fd) {
  return Watch(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN);
}

ChannelServer::~ChannelServer() { unlink(path_.c_str()); }

std::unique_ptr<ChannelServer::Event> ChannelServer::Receive() {
  AcceptPending();
  auto event = std::make_unique<Event>();
  if (disconnected_) {
    event->kind = Event::Kind::kDisconnected;
    event->reason = *std::exchange(disconnected_, std::nullopt);
    return event;
  }
  if (std::exchange(announce_, false)) {
    event->kind = Event::Kind::kConnected;
    return event;
  }
  if (!peer_.valid()) return nullptr;
  Flush();
  if (peer_.valid()) {
    absl::Status status = ReceiveMessage(peer_.get(), &event->message);
    if (status.ok()) {
      event->kind = Event::Kind::kMessage;
      return event;
    }
    if (absl::IsUnavailable(status)) return nullptr;
    Disconnect(std::string(status.message()));
  }
  event->kind = Event::Kind::kDisconnected;
  event->reason = *std::exchange(disconnected_, std::nullopt);
  return event;
}

void ChannelServer::AcceptPending() {
  for (;;) {
    UniqueFd next(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!next.valid()) return;  // nobody, or one that has gone again
    if (!Watch(epoll_.get(), EPOLL_CTL_ADD, next.get(), EPOLLIN).ok()) continue;
    if (peer_.valid()) Disconnect("superseded by a new connection");
    peer_ = std::move(next);
    announce_ = true;
  }
}

void ChannelServer::Disconnect(std::string reason) {
  if (!peer_.valid()) return;
  peer_.Reset();  // leaves the epoll too
  outgoing_.clear();
  // A connection that came and went unreported needs no report of its end either.
  if (!std::exchange(announce_, false)) disconnected_ = std::move(reason);
}

void ChannelServer::SendBytes(std::span<const std::byte> bytes, std::vector<int> fds,
                              std::shared_ptr<const void> keep_alive) {
  if (!peer_.valid()) return;
  outgoing_.push_back(
      {std::vector<std::byte>(bytes.begin(), bytes.end()), std::move(fds), std::move(keep_alive)});
  Flush();
  if (outgoing_.size() > kOutgoingMax) Disconnect("control does not read what it is sent");
}

void ChannelServer::Flush() {
  const bool was_waiting = !outgoing_.empty();
  while (!outgoing_.empty()) {
    const Outgoing& next = outgoing_.front();
    const absl::Status status = SendMessage(peer_.get(), next.bytes, next.fds);
    if (absl::IsUnavailable(status)) break;
    if (!status.ok()) return Disconnect(std::string(status.message()));
    outgoing_.pop_front();
  }
  if (was_waiting) WatchPeer(!outgoing_.empty());
}

void ChannelServer::WatchPeer(bool writable) {
  const uint32_t events = EPOLLIN | (writable ? uint32_t{EPOLLOUT} : 0u);
  (void)Watch(epoll_.get(), EPOLL_CTL_MOD, peer_.get(), events);
}

}  // namespace evenkeel
