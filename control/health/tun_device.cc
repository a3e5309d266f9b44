#include "control/health/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "control/health/policy_route.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

constexpr int kQueueLength = 8192;  // packets; thousands of checks may begin between two reads

absl::Status Failed(int error, const std::string& what) {
  return absl::Status(
      absl::ErrnoToStatusCode(error),
      absl::StrCat(what, ": ", ErrnoText(error), error == EPERM ? " (needs CAP_NET_ADMIN)" : ""));
}

absl::Status BringUp(const TunDevice::Options& options) {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Failed(errno, "socket");
  ifreq request{};
  options.name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_mtu = options.mtu;
  if (ioctl(fd.get(), SIOCSIFMTU, &request) != 0) return Failed(errno, "its MTU");
  request.ifr_qlen = kQueueLength;
  if (ioctl(fd.get(), SIOCSIFTXQLEN, &request) != 0) return Failed(errno, "its queue");
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return Failed(errno, "its flags");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return Failed(errno, "bringing it up");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TunDevice> TunDevice::Open(const Options& options) {
  const std::string what = absl::StrCat("the tunnel device ", options.name);
  UniqueFd device(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device.valid()) return Failed(errno, absl::StrCat(what, ": /dev/net/tun"));
  ifreq request{};
  options.name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device.get(), TUNSETIFF, &request) != 0) {
    const int error = errno;
    return Failed(error, error == EBUSY ? absl::StrCat(what, ": another process has it") : what);
  }
  if (absl::Status s = BringUp(options); !s.ok()) {
    return absl::Status(s.code(), absl::StrCat(what, ": ", s.message()));
  }
  TunDevice tunnel(std::move(device), options);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    tunnel.routed_[family] = tunnel.Route(family);
  }
  if (const absl::Status& s = tunnel.routed(Family::kIpv4); !s.ok()) return s;
  return tunnel;
}

absl::Status TunDevice::Route(Family family) {
  const auto index = static_cast<int>(if_nametoindex(options_.name.c_str()));
  absl::Status s = AddMarkRule(family, options_.mark, options_.table, options_.priority);
  if (absl::IsAlreadyExists(s)) s = absl::OkStatus();
  if (s.ok()) s = SetDefaultRoute(family, index, options_.table);
  if (s.ok()) return s;
  return absl::Status(s.code(), absl::StrCat("the ", FamilyName(family), " route into ",
                                             options_.name, ": ", s.message()));
}

TunDevice::~TunDevice() {
  if (!device_.valid()) return;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    RemoveMarkRule(family, options_.mark, options_.table, options_.priority).IgnoreError();
  }
}

}  // namespace evenkeel
