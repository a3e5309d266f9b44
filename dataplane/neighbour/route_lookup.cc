#include "dataplane/neighbour/route_lookup.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/table/region.h"

namespace evenkeel {

absl::StatusOr<int> InterfaceTowards(const Address& address) {
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink.valid()) return absl::ErrnoToStatus(errno, "netlink socket");
  const bool is_ipv4 = IsMappedIpv4(address);
  const size_t size = is_ipv4 ? 4 : 16;
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr attribute;
    uint8_t destination[16];
  } request{};
  request.header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(size));
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.route.rtm_family = is_ipv4 ? AF_INET : AF_INET6;
  request.route.rtm_dst_len = static_cast<uint8_t>(8 * size);
  request.attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
  request.attribute.rta_type = RTA_DST;
  std::memcpy(request.destination, address.data() + address.size() - size, size);
  if (send(netlink.get(), &request, request.header.nlmsg_len, 0) < 0) {
    return absl::ErrnoToStatus(errno, "netlink request");
  }
  alignas(nlmsghdr) char answer[4096];
  const ssize_t received = recv(netlink.get(), answer, sizeof(answer), 0);
  const nlmsghdr* message = reinterpret_cast<const nlmsghdr*>(answer);
  if (received < 0 || !NLMSG_OK(message, static_cast<uint32_t>(received)) ||
      message->nlmsg_type != RTM_NEWROUTE) {
    return absl::NotFoundError(absl::StrCat("no route to ", AddressText(address)));
  }
  int left = static_cast<int>(RTM_PAYLOAD(message));
  for (const rtattr* attribute = RTM_RTA(static_cast<const rtmsg*>(NLMSG_DATA(message)));
       RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != RTA_OIF || RTA_PAYLOAD(attribute) < sizeof(int)) continue;
    int index = 0;
    std::memcpy(&index, RTA_DATA(attribute), sizeof(index));
    return index;
  }
  return absl::NotFoundError(absl::StrCat("no interface leads to ", AddressText(address)));
}

}  // namespace evenkeel
