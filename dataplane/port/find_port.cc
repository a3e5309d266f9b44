#include "dataplane/port/find_port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel {
namespace {

absl::StatusOr<FoundPort> Describe(uint16_t id) {
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  rte_eth_dev_info info;
  if (rte_eth_dev_get_name_by_port(id, name) != 0 || rte_eth_dev_info_get(id, &info) != 0) {
    return absl::NotFoundError(absl::StrCat("port ", id, " does not say what it is"));
  }
  const bool is_virtual =
      info.device != nullptr && strcmp(rte_bus_name(rte_dev_bus(info.device)), "vdev") == 0;
  return FoundPort{id, name, info.driver_name, is_virtual, info.if_index};
}

}  // namespace

absl::StatusOr<FoundPort> FindPort(const std::string& name) {
  std::vector<FoundPort> ports;
  std::vector<std::string> names;
  uint16_t id;
  RTE_ETH_FOREACH_DEV(id) {
    absl::StatusOr<FoundPort> port = Describe(id);
    if (!port.ok()) return port.status();
    if (!name.empty() && port->name == name) return port;
    names.push_back(port->name);
    ports.push_back(*std::move(port));
  }
  if (ports.empty()) {
    return absl::NotFoundError(
        "no port: EAL found no network device; after -- name one with -a PCI_ADDRESS (bound to "
        "vfio-pci) or with --vdev (such as --vdev=net_af_packet0,iface=eth0)");
  }
  if (!name.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no port '", name, "'; EAL found ", absl::StrJoin(names, ", ")));
  }
  if (ports.size() > 1) {
    return absl::NotFoundError(absl::StrCat("EAL found ", ports.size(), " ports (",
                                            absl::StrJoin(names, ", "),
                                            "): choose one with --port=NAME"));
  }
  return ports.front();
}

}  // namespace evenkeel
