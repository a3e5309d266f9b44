#include "control/api/access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr size_t kDatabaseEntryBytes = 16384;
constexpr size_t kGroupsMax = 65536;  // the kernel's NGROUPS_MAX

std::string UserName(uid_t uid) {
  std::vector<char> buffer(kDatabaseEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return absl::StrCat("uid ", uid);
}

absl::StatusOr<std::vector<gid_t>> SupplementaryGroups(int socket) {
  std::vector<gid_t> groups(64);
  while (true) {
    socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE || groups.size() >= kGroupsMax) {
      return absl::ErrnoToStatus(errno, "cannot read the groups of the socket's peer");
    }
    groups.resize(std::max<size_t>(size / sizeof(gid_t), groups.size() * 2));
  }
}

}  // namespace

Role RoleOf(const Peer& peer, const AccessRules& rules) {
  if (peer.uid == 0 || peer.uid == rules.own_uid) return Role::kChange;
  const auto is_in = [&peer](const std::optional<gid_t>& group) {
    return group && std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end();
  };
  if (is_in(rules.change_group)) return Role::kChange;
  return is_in(rules.look_group) ? Role::kLook : Role::kNone;
}

absl::StatusOr<Peer> PeerOf(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the credentials of the socket's peer");
  }
  absl::StatusOr<std::vector<gid_t>> groups = SupplementaryGroups(socket);
  if (!groups.ok()) return groups.status();
  groups->push_back(credentials.gid);
  return Peer{.uid = credentials.uid,
              .pid = credentials.pid,
              .groups = *std::move(groups),
              .name = UserName(credentials.uid)};
}

absl::StatusOr<gid_t> FindGroup(const std::string& name) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(name, &number)) return static_cast<gid_t>(number);
  std::vector<char> buffer(kDatabaseEntryBytes);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return found->gr_gid;
  }
  return absl::NotFoundError(absl::StrCat("this host has no group '", name, "'"));
}

}  // namespace evenkeel
