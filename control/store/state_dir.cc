#include "control/store/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr char kLockFile[] = "evenkeeld.lock";

std::string HolderOf(int lock) {
  char text[32] = {};
  if (pread(lock, text, sizeof(text) - 1, 0) <= 0) return "";
  const absl::string_view pid = absl::StripAsciiWhitespace(text);
  return pid.empty() ? "" : absl::StrCat(" (process ", pid, ")");
}

}  // namespace

absl::StatusOr<StateDir> StateDir::Take(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the state directory ", path));
  }
  const std::string file = absl::StrCat(path, "/", kLockFile);
  const int lock = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", file));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = HolderOf(lock);
    close(lock);
    return absl::AlreadyExistsError(
        absl::StrCat("the state directory ", path, " is in use by another evenkeeld", holder,
                     ": stop that one, or give this one its own --state-dir"));
  }
  // Only for the message above; the lock itself is the kernel's.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close(lock);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot write to ", file));
  }
  return StateDir(path, lock);
}

StateDir::StateDir(StateDir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateDir::~StateDir() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace evenkeel
