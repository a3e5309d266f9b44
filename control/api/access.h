// Who may use the operator's socket: one group may look, another may change, root always.
//
// The kernel's peer credentials decide, taken when a connection is accepted: nothing that the
// caller says about himself counts. Pure but for the look-ups in the user database; any thread.
//
//   Role role = RoleOf(peer, rules);   // kLook: every call that changes nothing
#ifndef CONTROL_API_ACCESS_H_
#define CONTROL_API_ACCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace evenkeel {

enum class Role { kNone, kLook, kChange };

struct Peer {
  uid_t uid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  // primary and supplementary
  std::string name;           // "alice", or "uid 1000" where the user database has none
};

struct AccessRules {
  uid_t own_uid = 0;  // whom the daemon runs as: may change, as root may
  std::optional<gid_t> look_group;
  std::optional<gid_t> change_group;
};

Role RoleOf(const Peer& peer, const AccessRules& rules);

// The process at the other end of a connected Unix socket.
absl::StatusOr<Peer> PeerOf(int socket);

// `name` is a group's name or number. NotFound for a group that this host does not have.
absl::StatusOr<gid_t> FindGroup(const std::string& name);

}  // namespace evenkeel

#endif  // CONTROL_API_ACCESS_H_
