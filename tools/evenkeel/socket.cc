#include "tools/evenkeel/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace evenkeel::cli {
namespace {

constexpr char kStartDaemon[] = "start evenkeeld, or name its socket with --socket=PATH";

bool IsSocket(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Failure ExplainConnect(const std::string& path, int error) {
  const auto unavailable = [](std::string message, std::string hint) {
    return Failure{ExitStatus::kNoDaemon, "unavailable", std::move(message), std::move(hint)};
  };
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return unavailable(absl::StrCat("no daemon: ", path, " does not exist"), kStartDaemon);
    case EACCES:
    case EPERM:
      return Failure{ExitStatus::kRefused, "permission",
                     absl::StrCat("permission denied on ", path),
                     "run it as root, or join the group of evenkeeld's --look-group or "
                     "--change-group"};
    case ECONNREFUSED:
      if (!IsSocket(path)) {
        return unavailable(absl::StrCat("no daemon: ", path, " is not a socket"), kStartDaemon);
      }
      return unavailable(absl::StrCat("no daemon: nothing listens on ", path), kStartDaemon);
    case EPROTOTYPE:
      return unavailable(absl::StrCat(path, " is a socket of another kind (the dataplane's?)"),
                         "name evenkeeld's socket with --socket=PATH");
    case EAGAIN:
      return unavailable(absl::StrCat("evenkeeld on ", path, " accepts no connection"),
                         "look at its log, or wait longer with --timeout=D");
    default:
      return unavailable(absl::StrCat("cannot connect to ", path, ": ", std::strerror(error)),
                         kStartDaemon);
  }
}

timeval SendTimeout(absl::Time deadline) {
  // Zero would mean "for ever".
  return absl::ToTimeval(std::max(deadline - absl::Now(), absl::Milliseconds(1)));
}

}  // namespace

std::variant<int, Failure> ConnectSocket(const std::string& path, absl::Time deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return UsageFailure(
        absl::StrCat("--socket=", path, " is too long for a Unix socket"),
        absl::StrCat("a path has at most ", sizeof(address.sun_path) - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ExplainConnect(path, errno);
  // connect() blocks while the backlog is full, and honours this bound.
  const timeval bound = SendTimeout(deadline);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
  int result;
  do {
    result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return fd;
  const int error = errno;
  close(fd);
  return ExplainConnect(path, error);
}

}  // namespace evenkeel::cli
