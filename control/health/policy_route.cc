#include "control/health/policy_route.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/health/socket.h"
#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

// One request with attributes of 32 bits.
template <typename Body>
struct Request {
  nlmsghdr header{};
  Body body{};
  char attributes[128]{};

  Request(uint16_t type, uint16_t flags) {
    header.nlmsg_len = NLMSG_LENGTH(sizeof(Body));
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  Request& With(uint16_t type, uint32_t value) {
    auto* attribute =
        reinterpret_cast<rtattr*>(reinterpret_cast<char*>(this) + NLMSG_ALIGN(header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(sizeof(value));
    std::memcpy(RTA_DATA(attribute), &value, sizeof(value));
    header.nlmsg_len = NLMSG_ALIGN(header.nlmsg_len) + RTA_LENGTH(sizeof(value));
    return *this;
  }
};

uint8_t NumberOf(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

absl::Status Ask(const nlmsghdr& request) {
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink.valid()) return absl::ErrnoToStatus(errno, "netlink socket");
  if (send(netlink.get(), &request, request.nlmsg_len, 0) < 0) {
    return absl::ErrnoToStatus(errno, "netlink request");
  }
  alignas(nlmsghdr) char answer[1024];
  const ssize_t received = recv(netlink.get(), answer, sizeof(answer), 0);
  const auto* message = reinterpret_cast<const nlmsghdr*>(answer);
  if (received < 0 || !NLMSG_OK(message, static_cast<uint32_t>(received)) ||
      message->nlmsg_type != NLMSG_ERROR) {
    return absl::InternalError("the kernel gave no answer to a netlink request");
  }
  const int error = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
  if (error == 0) return absl::OkStatus();
  return absl::Status(absl::ErrnoToStatusCode(error), ErrnoText(error));
}

absl::Status AskAboutRule(uint16_t type, uint16_t flags, Family family, uint32_t mark,
                          uint32_t table, uint32_t priority) {
  Request<fib_rule_hdr> request(type, flags);
  request.body.family = NumberOf(family);
  request.body.action = FR_ACT_TO_TBL;
  request.With(FRA_FWMARK, mark).With(FRA_TABLE, table).With(FRA_PRIORITY, priority);
  return Ask(request.header);
}

}  // namespace

absl::Status AddMarkRule(Family family, uint32_t mark, uint32_t table, uint32_t priority) {
  return AskAboutRule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, mark, table, priority);
}

absl::Status RemoveMarkRule(Family family, uint32_t mark, uint32_t table, uint32_t priority) {
  return AskAboutRule(RTM_DELRULE, 0, family, mark, table, priority);
}

absl::Status SetDefaultRoute(Family family, int interface_index, uint32_t table) {
  Request<rtmsg> request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  request.body.rtm_family = NumberOf(family);
  request.body.rtm_table = RT_TABLE_UNSPEC;  // it takes more than 8 bits
  request.body.rtm_protocol = RTPROT_STATIC;
  request.body.rtm_scope = RT_SCOPE_LINK;
  request.body.rtm_type = RTN_UNICAST;
  request.With(RTA_TABLE, table).With(RTA_OIF, static_cast<uint32_t>(interface_index));
  return Ask(request.header);
}

}  // namespace evenkeel
