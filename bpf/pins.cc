#include "bpf/pins.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace evenkeel {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

}  // namespace

absl::Status CheckBpfFileSystem(const std::string& root) {
  const std::string parent = root.substr(0, root.rfind('/'));
  struct statfs facts {};
  if (statfs(parent.c_str(), &facts) == 0 && facts.f_type == BPF_FS_MAGIC) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "no BPF file system is mounted on ", parent,
      ", where the XDP program outlives evenkeeld: run `mount -t bpf bpf ", parent, "` first"));
}

std::string PinFolder(const std::string& root, const std::string& interface) {
  return absl::StrCat(root, "/", absl::StrReplaceAll(interface, {{".", ":"}}));
}

absl::Status MakePinFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  if (errno != ENOENT) return Failed("make the folder", path);
  if (absl::Status s = MakePinFolder(path.substr(0, path.rfind('/'))); !s.ok()) return s;
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Failed("make the folder", path);
}

std::vector<std::string> ListPins(const std::string& folder) {
  std::vector<std::string> names;
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemovePins(const std::string& path, std::vector<std::string>* removed) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Failed("look at", path);
  }
  if (!S_ISDIR(facts.st_mode)) {
    if (unlink(path.c_str()) != 0) return Failed("remove", path);
    if (removed != nullptr) removed->push_back(path);
    return absl::OkStatus();
  }
  absl::Status status;
  for (const std::string& name : ListPins(path)) {
    status.Update(RemovePins(absl::StrCat(path, "/", name), removed));
  }
  if (status.ok() && rmdir(path.c_str()) != 0) return Failed("remove", path);
  return status;
}

}  // namespace evenkeel
