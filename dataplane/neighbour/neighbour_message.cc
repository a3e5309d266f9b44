#include "dataplane/neighbour/neighbour_message.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace evenkeel {
namespace {

constexpr uint16_t kUsable =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

NeighbourState StateOf(uint16_t nud) {
  if ((nud & kUsable) != 0) return NeighbourState::kUsable;
  return (nud & NUD_FAILED) != 0 ? NeighbourState::kUnreachable : NeighbourState::kResolving;
}

std::optional<Address> AddressOf(uint8_t family, std::span<const std::byte> value) {
  if (family == AF_INET && value.size() == 4) {
    std::array<uint8_t, 4> ipv4;
    std::memcpy(ipv4.data(), value.data(), ipv4.size());
    return MapIpv4(ipv4);
  }
  if (family == AF_INET6 && value.size() == 16) {
    Address ipv6;
    std::memcpy(ipv6.data(), value.data(), ipv6.size());
    return ipv6;
  }
  return std::nullopt;
}

// nlmsghdr and ndmsg, then room for one attribute.
struct NeighbourRequest {
  nlmsghdr header;
  ndmsg neighbour;
};

NeighbourRequest Request(uint16_t type, uint16_t flags, uint32_t sequence) {
  NeighbourRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  request.header.nlmsg_seq = sequence;
  return request;
}

}  // namespace

std::optional<NeighbourEvent> ParseNeighbour(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWNEIGH && message.nlmsg_type != RTM_DELNEIGH) return std::nullopt;
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(ndmsg))) return std::nullopt;
  const ndmsg* neighbour = static_cast<const ndmsg*>(NLMSG_DATA(&message));
  if ((neighbour->ndm_flags & NTF_PROXY) != 0) return std::nullopt;

  NeighbourEvent event;
  event.interface_index = neighbour->ndm_ifindex;
  event.deleted = message.nlmsg_type == RTM_DELNEIGH;
  event.state = StateOf(neighbour->ndm_state);
  event.is_fixed = (neighbour->ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
  std::optional<Address> address;
  const std::byte* attribute =
      reinterpret_cast<const std::byte*>(neighbour) + NLMSG_ALIGN(sizeof(ndmsg));
  const std::byte* end = reinterpret_cast<const std::byte*>(&message) + message.nlmsg_len;
  while (attribute + sizeof(rtattr) <= end) {
    rtattr head;
    std::memcpy(&head, attribute, sizeof(head));
    if (head.rta_len < sizeof(rtattr) || head.rta_len > end - attribute) return std::nullopt;
    const std::span<const std::byte> value(attribute + RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0));
    if (head.rta_type == NDA_DST) address = AddressOf(neighbour->ndm_family, value);
    if (head.rta_type == NDA_LLADDR && value.size() == 6) {
      event.mac.emplace();
      std::memcpy(event.mac->data(), value.data(), value.size());
    }
    const size_t step = RTA_ALIGN(head.rta_len);
    if (step > static_cast<size_t>(end - attribute)) break;
    attribute += step;
  }
  if (!address) return std::nullopt;
  event.address = *address;
  return event;
}

std::vector<std::byte> DumpRequest(uint32_t sequence) {
  const NeighbourRequest request = Request(RTM_GETNEIGH, NLM_F_DUMP, sequence);
  std::vector<std::byte> bytes(sizeof(request));
  std::memcpy(bytes.data(), &request, sizeof(request));
  return bytes;
}

std::vector<std::byte> UseRequest(uint32_t sequence, int interface_index, const Address& address) {
  const bool is_ipv4 = IsMappedIpv4(address);
  const size_t size = is_ipv4 ? 4 : 16;
  NeighbourRequest request = Request(RTM_NEWNEIGH, NLM_F_CREATE, sequence);
  request.header.nlmsg_len += RTA_LENGTH(size);
  request.neighbour.ndm_family = is_ipv4 ? AF_INET : AF_INET6;
  request.neighbour.ndm_ifindex = interface_index;
  request.neighbour.ndm_flags = NTF_USE;
  const rtattr attribute{static_cast<uint16_t>(RTA_LENGTH(size)), NDA_DST};

  std::vector<std::byte> bytes(request.header.nlmsg_len);
  std::memcpy(bytes.data(), &request, sizeof(request));
  std::memcpy(bytes.data() + sizeof(request), &attribute, sizeof(attribute));
  std::memcpy(bytes.data() + sizeof(request) + RTA_LENGTH(0),
              address.data() + address.size() - size, size);
  return bytes;
}

}  // namespace evenkeel
