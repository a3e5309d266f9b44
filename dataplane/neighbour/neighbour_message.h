// The kernel's neighbour messages (rtnetlink(7), RTM_NEWNEIGH and RTM_DELNEIGH) as values, both
// ways. Pure.
#ifndef DATAPLANE_NEIGHBOUR_NEIGHBOUR_MESSAGE_H_
#define DATAPLANE_NEIGHBOUR_NEIGHBOUR_MESSAGE_H_

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/table/digest.h"

namespace evenkeel {

enum class NeighbourState {
  kUsable,      // reachable, or was so lately: reachable, stale, delay, probe, permanent, noarp
  kResolving,   // incomplete: the kernel is asking
  kUnreachable  // failed: it asked and nobody answered
};

struct NeighbourEvent {
  int interface_index = 0;
  Address address{};
  bool deleted = false;  // the kernel forgot it, which says nothing about the neighbour
  NeighbourState state = NeighbourState::kResolving;
  bool is_fixed = false;  // somebody has written it down (permanent, noarp): not to be asked for
  std::optional<std::array<uint8_t, 6>> mac;
};

// Nothing for other messages, other families, proxies, and whatever is too short for what it
// claims.
std::optional<NeighbourEvent> ParseNeighbour(const nlmsghdr& message);

// Asks for everything that the kernel knows (a dump), and to resolve or confirm one address as if a
// packet were waiting for it (NTF_USE).
std::vector<std::byte> DumpRequest(uint32_t sequence);
std::vector<std::byte> UseRequest(uint32_t sequence, int interface_index, const Address& address);

}  // namespace evenkeel

#endif  // DATAPLANE_NEIGHBOUR_NEIGHBOUR_MESSAGE_H_
