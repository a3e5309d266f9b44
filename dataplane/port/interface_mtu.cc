#include "dataplane/port/interface_mtu.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dataplane/table/region.h"

namespace evenkeel {

absl::StatusOr<int> InterfaceMtu(unsigned interface_index) {
  ifreq request{};
  if (if_indextoname(interface_index, request.ifr_name) == nullptr) {
    return absl::NotFoundError(absl::StrCat("interface ", interface_index, " has gone"));
  }
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid() || ioctl(socket_fd.get(), SIOCGIFMTU, &request) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("MTU of ", request.ifr_name));
  }
  return request.ifr_mtu;
}

std::string InterfaceName(unsigned interface_index) {
  char name[IF_NAMESIZE] = "";
  return if_indextoname(interface_index, name) != nullptr
             ? name
             : absl::StrCat("interface ", interface_index);
}

}  // namespace evenkeel
