#include "control/publish/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/app/log.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

constexpr size_t kHexDigits = 32;

absl::Status Broken(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the key file ", path, " ", what,
      ": it must hold 32 hex digits and nothing else; copy it from another node of the "
      "cluster"));
}

// Beside `path` first, then linked into its place: nobody ever sees half a key, and of two that
// make one at the same time the first wins.
absl::Status MakeKey(const std::string& path) {
  std::array<uint8_t, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return absl::ErrnoToStatus(errno, "cannot draw a random key");
  }
  const std::string text =
      absl::StrCat(absl::BytesToHexString(absl::string_view(
                       reinterpret_cast<const char*>(bytes.data()), bytes.size())),
                   "\n");
  const std::string draft = absl::StrCat(path, ".new.", getpid());
  unlink(draft.c_str());
  const UniqueFd file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the key file ", path));
  }
  absl::Status status;
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0 || (link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot write the key file ", path));
  }
  unlink(draft.c_str());
  if (!status.ok()) return status;
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const UniqueFd directory(
      open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || fsync(directory.get()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write the folder of ", path));
  }
  LogInfo("publish", "made the cluster's key file ", path,
          ": every other node of the cluster needs a copy of it");
  return absl::OkStatus();
}

}  // namespace

std::array<uint64_t, 2> ClusterKey::words() const {
  std::array<uint64_t, 2> words{};
  for (size_t i = 0; i < bytes.size(); ++i) words[i / 8] |= uint64_t{bytes[i]} << (8 * (i % 8));
  return words;
}

std::string ClusterKey::fingerprint() const {
  return HexDigest(Sha256(std::as_bytes(std::span(bytes))));
}

absl::StatusOr<ClusterKey> ReadKey(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the key file ", path));
  }
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return Broken(path, "is no ordinary file");
  }
  if ((facts.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the key file %s has mode %04o, so others than its owner may read or "
                        "change it: chmod 600 %s",
                        path, facts.st_mode & 07777, path));
  }
  char text[kHexDigits + 8] = {};
  const ssize_t size = read(file.get(), text, sizeof(text));
  if (size < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  const absl::string_view digits =
      absl::StripTrailingAsciiWhitespace(absl::string_view(text, static_cast<size_t>(size)));
  if (digits.size() != kHexDigits) return Broken(path, "has the wrong length");
  for (char c : digits) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return Broken(path, "has a character that is no hex digit");
    }
  }
  const std::string bytes = absl::HexStringToBytes(digits);
  ClusterKey key;
  memcpy(key.bytes.data(), bytes.data(), key.bytes.size());
  return key;
}

absl::StatusOr<ClusterKey> ReadOrMakeKey(const std::string& path) {
  absl::StatusOr<ClusterKey> key = ReadKey(path);
  if (!absl::IsNotFound(key.status())) return key;
  if (absl::Status s = MakeKey(path); !s.ok()) return s;
  return ReadKey(path);
}

}  // namespace evenkeel
