#include "control/health/frame_hops.h"

#include <utility>

#include "dataplane/neighbour/route_lookup.h"

namespace evenkeel {

void FrameHops::Want(const std::vector<IpAddress>& backends,
                     const std::function<void(int fd)>& added) {
  interface_of_.clear();
  std::map<int, std::vector<Address>> wanted;
  for (const IpAddress& backend : backends) {
    const absl::StatusOr<int> interface = InterfaceTowards(backend.bytes());
    if (!interface.ok()) continue;  // no route: no hop, and its checks find silence
    interface_of_[backend] = *interface;
    wanted[*interface].push_back(backend.bytes());
  }
  for (const auto& [interface, addresses] : wanted) {
    if (interfaces_.contains(interface)) continue;
    auto neighbours = Neighbours::Follow(interface, [](const Address&, uint64_t) {});
    if (!neighbours.ok()) continue;
    added((*neighbours)->fd());
    interfaces_[interface] = *std::move(neighbours);
  }
  for (auto& [interface, neighbours] : interfaces_) neighbours->Want(wanted[interface]);
}

std::optional<FrameHop> FrameHops::Find(const IpAddress& backend) const {
  const auto interface = interface_of_.find(backend);
  if (interface == interface_of_.end()) return std::nullopt;
  const auto neighbours = interfaces_.find(interface->second);
  if (neighbours == interfaces_.end()) return std::nullopt;
  const uint64_t word = neighbours->second->Word(backend.bytes());
  if (word == 0) return std::nullopt;
  MacAddress::Bytes mac;
  for (size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<uint8_t>(word >> (8 * i));
  return FrameHop{interface->second, MacAddress(mac)};
}

void FrameHops::HandleReady() {
  for (auto& [interface, neighbours] : interfaces_) neighbours->HandleReady();
}

void FrameHops::Tick(absl::Time now) {
  for (auto& [interface, neighbours] : interfaces_) neighbours->Tick(now);
}

}  // namespace evenkeel
