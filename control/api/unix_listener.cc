#include "control/api/unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "control/app/log.h"

namespace evenkeel {
namespace {

constexpr int kBacklog = 64;

absl::Status MakeFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return absl::OkStatus();
  const std::string folder = path.substr(0, slash);
  if (mkdir(folder.c_str(), 0755) == 0) {
    // Whatever the umask: the socket in it has its own mode.
    if (chmod(folder.c_str(), 0755) == 0) return absl::OkStatus();
  } else if (errno == EEXIST) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", folder, " for the socket"));
}

absl::Status InUse(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(
      "the socket ", path,
      " belongs to a running evenkeeld: stop that one, or give this one its own --socket"));
}

// Also removes what a dead daemon left there.
absl::Status ClearPath(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " exists and is no socket: remove it, or give another --socket"));
  }
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return InUse(path);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot replace the stale socket ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Listen(const std::string& path,
                                                                   mode_t mode) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("the socket's path '", path, "' must have 1 to ",
                                                   sizeof(address.sun_path) - 1, " characters"));
  }
  memcpy(address.sun_path, path.data(), path.size());

  if (absl::Status s = MakeFolderOf(path); !s.ok()) return s;
  const std::string lock_file = absl::StrCat(path, ".lock");
  UniqueFd lock(open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", lock_file));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return InUse(path);
  if (absl::Status s = ClearPath(path, address); !s.ok()) return s;

  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!socket.valid() || !stop.valid()) return absl::ErrnoToStatus(errno, "cannot make a socket");
  // The mode is set before anybody can connect: that needs listen().
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      chmod(path.c_str(), mode) != 0 || listen(socket.get(), kBacklog) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", path));
  }
  return std::unique_ptr<UnixListener>(
      new UnixListener(path, std::move(lock), std::move(socket), std::move(stop)));
}

UnixListener::~UnixListener() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  unlink(path_.c_str());
}

void UnixListener::Start(Handler handler) {
  thread_ = std::thread([this, handler = std::move(handler)] { Accept(handler); });
}

void UnixListener::Accept(const Handler& handler) {
  pollfd waits[2] = {{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                     {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        LogError("api", "cannot accept a connection: ", strerror(errno));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));  // else this loop spins
      }
      continue;
    }
    absl::StatusOr<Peer> peer = PeerOf(connection.get());
    if (!peer.ok()) {
      LogWarning("api", "a connection was closed: ", peer.status().message());
      continue;
    }
    handler(std::move(connection), *peer);
  }
}

}  // namespace evenkeel
