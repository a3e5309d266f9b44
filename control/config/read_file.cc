#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "control/config/parse.h"

namespace evenkeel {

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  // Opening does not wait, or a FIFO without a writer would hang here; reading does, for a pipe may
  // be slow.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const absl::Cleanup close_file = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0 || fcntl(fd, F_SETFL, 0) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("cannot open ", path, ": it is a directory"));
  }

  std::string text;
  constexpr size_t kReadMax = kConfigBytesMax + 1;
  constexpr size_t kStep = 64 << 10;
  while (text.size() < kReadMax) {
    const size_t had = text.size();
    text.resize(std::min(had + kStep, kReadMax));
    const ssize_t got = read(fd, text.data() + had, text.size() - had);
    text.resize(had + std::max<ssize_t>(got, 0));
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) {
      return absl::UnavailableError(
          absl::StrCat("cannot read ", path, ": ", std::string(strerror(errno))));
    }
  }
  return text;
}

}  // namespace evenkeel
