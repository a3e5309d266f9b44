#include "control/publish/next_hops.h"

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "control/app/log.h"
#include "dataplane/neighbour/route_lookup.h"
#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

Address AddressOf(const lb_next_hop& hop) {
  Address address;
  std::memcpy(address.data(), hop.address, address.size());
  return address;
}

absl::StatusOr<lb_port> DescribePort(int interface_index) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  lb_port port{};
  if (if_indextoname(static_cast<unsigned>(interface_index), request.ifr_name) == nullptr ||
      ioctl(any.get(), SIOCGIFHWADDR, &request) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read an interface's MAC address");
  }
  std::memcpy(port.mac, request.ifr_hwaddr.sa_data, 6);
  port.interface = static_cast<uint32_t>(interface_index);
  return port;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NextHops>> NextHops::Follow(int interface_index,
                                                           const std::vector<lb_port>& ports,
                                                           Callbacks callbacks) {
  std::unique_ptr<NextHops> hops(new NextHops(std::move(callbacks)));
  if (absl::Status s = hops->AddPort(interface_index); !s.ok()) return s;
  for (size_t i = 1; i < ports.size() && ports[i].interface != 0; ++i) {
    if (absl::Status s = hops->AddPort(static_cast<int>(ports[i].interface)); !s.ok()) return s;
  }
  return hops;
}

absl::Status NextHops::AddPort(int interface_index) {
  const uint32_t number = static_cast<uint32_t>(ports_.size());
  absl::StatusOr<std::unique_ptr<Neighbours>> neighbours =
      Neighbours::Follow(interface_index, [this, number](const Address& address, uint64_t word) {
        if (word != 0) word |= uint64_t{number} << LB_NEXT_HOP_PORT_SHIFT;
        callbacks_.changed(address, word);
      });
  if (!neighbours.ok()) return neighbours.status();
  ports_.push_back({interface_index, *std::move(neighbours), {}});
  return absl::OkStatus();
}

// Without a route, and for what the kernel takes for itself, port 0.
uint32_t NextHops::PortTo(const Address& address) {
  const absl::StatusOr<int> index = InterfaceTowards(address);
  if (!index.ok()) return 0;
  for (uint32_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].interface == *index) return i;
  }
  const absl::StatusOr<lb_port> port = DescribePort(*index);
  if (ports_.size() == LB_PORTS_MAX || !port.ok() || !AddPort(*index).ok()) {
    LogWarning("xdp", "next hop ", AddressText(address),
               " is behind an interface that the XDP plane cannot use as a port: sent by its own");
    return 0;
  }
  const uint32_t number = static_cast<uint32_t>(ports_.size()) - 1;
  callbacks_.port_added(number, *port);
  char name[IF_NAMESIZE] = "?";
  if_indextoname(port->interface, name);
  LogInfo("xdp", "frames to next hop ", AddressText(address), " leave by interface ", name);
  return number;
}

void NextHops::Want(const ImageView& image, const ImageView* way_back, absl::Duration bound) {
  hops_.clear();
  for (Port& port : ports_) port.wanted.clear();
  for (const ImageView* one : {&image, way_back}) {
    if (one == nullptr) continue;
    for (const lb_next_hop& record : one->next_hops()) Want(record);
  }
  const absl::Time deadline = absl::Now() + bound;
  for (Port& port : ports_) port.neighbours->Want(port.wanted);
  for (Port& port : ports_) port.neighbours->Await(deadline - absl::Now());
}

void NextHops::Want(const lb_next_hop& record) {
  const Address address = AddressOf(record);
  Hop& hop = hops_.try_emplace(address, Hop{.port = PortTo(address)}).first->second;
  if (record.has_static_mac != 0) {
    hop.static_mac = lb_next_hop_word(record.static_mac);
    return;
  }
  std::vector<Address>& wanted = ports_[hop.port].wanted;
  if (std::ranges::find(wanted, address) == wanted.end()) wanted.push_back(address);
}

uint64_t NextHops::Word(const Address& address) const {
  const auto hop = hops_.find(address);
  if (hop == hops_.end()) return 0;
  const uint64_t word = hop->second.static_mac != 0
                            ? hop->second.static_mac
                            : ports_[hop->second.port].neighbours->Word(address);
  return word == 0 ? 0 : word | uint64_t{hop->second.port} << LB_NEXT_HOP_PORT_SHIFT;
}

std::vector<int> NextHops::fds() const {
  std::vector<int> fds;
  for (const Port& port : ports_) fds.push_back(port.neighbours->fd());
  return fds;
}

void NextHops::HandleReady() {
  for (Port& port : ports_) port.neighbours->HandleReady();
}

void NextHops::Tick(absl::Time now) {
  for (Port& port : ports_) port.neighbours->Tick(now);
}

std::vector<Address> NextHops::Unresolved() const {
  std::vector<Address> unresolved;
  for (const Port& port : ports_) {
    const std::vector<Address> some = port.neighbours->Unresolved();
    unresolved.insert(unresolved.end(), some.begin(), some.end());
  }
  return unresolved;
}

}  // namespace evenkeel
