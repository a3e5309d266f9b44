#include "dataplane/port/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/port/interface_mtu.h"
#include "dataplane/port/sizing.h"

namespace evenkeel {
namespace {

absl::Status PortError(const FoundPort& port, absl::string_view what, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat("port ", port.name, ": ", what, ": ", rte_strerror(-error)));
}

SpreadFacts FactsOf(const rte_eth_dev_info& info) {
  return {info.driver_name, std::min(info.max_rx_queues, info.max_tx_queues),
          info.flow_type_rss_offloads};
}

std::string MacText(const std::array<uint8_t, 6>& mac) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                         mac[5]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> Port::Start(const FoundPort& found,
                                                  const PortOptions& options) {
  rte_eth_dev_info info;
  if (const int error = rte_eth_dev_info_get(found.id, &info); error != 0) {
    return PortError(found, "cannot be asked what it can do", error);
  }
  absl::StatusOr<Spread> spread = ChooseSpread(FactsOf(info), options.workers);
  if (!spread.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("port ", found.name, ": ", spread.status().message()));
  }
  if (options.mtu > info.max_mtu) {
    return absl::FailedPreconditionError(absl::StrCat("port ", found.name, ": --mtu=", options.mtu,
                                                      " is more than the ", info.max_mtu,
                                                      " that the device carries"));
  }
  PortOptions fitted = options;
  rte_eth_dev_adjust_nb_rx_tx_desc(found.id, &fitted.rx_descriptors, &fitted.tx_descriptors);

  MbufNeed need;
  need.workers = fitted.workers;
  need.rx_descriptors = fitted.rx_descriptors;
  need.tx_descriptors = fitted.tx_descriptors;
  need.parked = ParkedBuffers(found.driver);
  need.kernel_queues = fitted.kernel_queues;
  absl::StatusOr<Mempool> mempool =
      Mempool::Create(absl::StrCat("evk_mbufs_", found.id), need, fitted.mbufs,
                      MbufDataRoom(fitted.mtu), rte_eth_dev_socket_id(found.id));
  if (!mempool.ok()) return mempool.status();

  std::unique_ptr<Port> port(new Port(found, *std::move(mempool)));
  if (absl::Status s = port->Configure(fitted, *spread); !s.ok()) return s;
  if (absl::Status s = port->SetUpQueues(fitted); !s.ok()) return s;
  if (absl::Status s = port->SetMtu(fitted.mtu); !s.ok()) return s;
  if (absl::Status s = port->StartDevice(fitted, *spread); !s.ok()) return s;
  port->facts_.push_back(absl::StrCat(fitted.rx_descriptors, " receive and ", fitted.tx_descriptors,
                                      " transmit descriptors a queue, ", port->mempool_.size(),
                                      " packet buffers: ", need.Formula()));
  port->DescribeLink();
  return port;
}

Port::~Port() { Stop(); }

void Port::Stop() {
  if (!open_) return;
  open_ = false;
  if (running_) rte_eth_dev_stop(id());
  if (former_mtu_ != 0) rte_eth_dev_set_mtu(id(), former_mtu_);
  rte_eth_dev_close(id());
}

absl::Status Port::Configure(const PortOptions& options, const Spread& spread) {
  rte_eth_conf conf{};
  // No receive offload at all: a stripped tag, a merged segment or a scattered frame would reach
  // the core in another shape than on the XDP plane. No transmit checksum: the core writes them.
  conf.rxmode.offloads = 0;
  rte_eth_dev_info info;
  rte_eth_dev_info_get(id(), &info);
  // Some software ports (net_af_packet, net_memif) state the frame of an MTU of 1500 as their
  // largest and carry more: SetMtu() finds out who really cannot.
  constexpr uint32_t kOverhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
  conf.rxmode.mtu = std::min<uint32_t>(options.mtu, info.max_rx_pktlen - kOverhead);
  if (spread.rss_types != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = spread.rss_types;
  }
  // All buffers come from one pool and none is shared, which lets some drivers free them faster.
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  if (const int error = rte_eth_dev_configure(id(), options.workers, options.workers, &conf);
      error != 0) {
    return PortError(
        found_, absl::StrCat("cannot be set up with ", options.workers, " queue pairs"), error);
  }
  facts_.push_back(
      "off, so that both planes treat a packet alike: VLAN stripping, checksum and segmentation "
      "offloads, scattered receive");
  return absl::OkStatus();
}

absl::Status Port::SetUpQueues(const PortOptions& options) {
  const int numa_node = rte_eth_dev_socket_id(id());
  const unsigned node = numa_node < 0 ? SOCKET_ID_ANY : static_cast<unsigned>(numa_node);
  for (uint16_t queue = 0; queue < options.workers; ++queue) {
    if (const int error = rte_eth_rx_queue_setup(id(), queue, options.rx_descriptors, node, nullptr,
                                                 mempool_.get());
        error != 0) {
      return PortError(found_, absl::StrCat("receive queue ", queue), error);
    }
    if (const int error =
            rte_eth_tx_queue_setup(id(), queue, options.tx_descriptors, node, nullptr);
        error != 0) {
      return PortError(found_, absl::StrCat("transmit queue ", queue), error);
    }
  }
  return absl::OkStatus();
}

absl::Status Port::SetMtu(uint16_t mtu) {
  if (mtu == 0) return absl::OkStatus();
  if (found_.interface_index != 0) {
    const absl::StatusOr<int> now = InterfaceMtu(found_.interface_index);
    if (!now.ok()) return now.status();
    if (*now >= mtu) {
      facts_.push_back(
          absl::StrCat("MTU ", *now, " of ", InterfaceName(found_.interface_index), " is enough"));
      return absl::OkStatus();
    }
    former_mtu_ = static_cast<uint16_t>(*now);
  }
  const int error = rte_eth_dev_set_mtu(id(), mtu);
  if (error == -ENOTSUP) {
    former_mtu_ = 0;
    facts_.push_back(
        absl::StrCat("no MTU of its own: its peer must take packets of ", mtu, " bytes"));
    return absl::OkStatus();
  }
  if (error != 0) {
    former_mtu_ = 0;
    return PortError(found_, absl::StrCat("cannot carry packets of --mtu=", mtu, " bytes"), error);
  }
  facts_.push_back(former_mtu_ != 0
                       ? absl::StrCat("MTU of ", InterfaceName(found_.interface_index),
                                      " raised from ", former_mtu_, " to ", mtu, " until the end")
                       : absl::StrCat("MTU ", mtu));
  return absl::OkStatus();
}

absl::Status Port::StartDevice(const PortOptions& options, const Spread& spread) {
  if (const int error = rte_eth_dev_start(id()); error != 0) {
    return PortError(found_, "cannot be started", error);
  }
  running_ = true;
  if (options.all_multicast && rte_eth_allmulticast_enable(id()) != 0) {
    facts_.push_back("takes no multicast: IPv6 neighbours behind the tap may stay unresolved");
  }
  rte_ether_addr mac;
  if (const int error = rte_eth_macaddr_get(id(), &mac); error != 0) {
    return PortError(found_, "has no MAC address", error);
  }
  std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), mac_.begin());

  if (absl::Status s = CheckRss(options.workers, spread); !s.ok()) return s;
  facts_.insert(facts_.begin(),
                absl::StrCat(found_.name, ": driver ", found_.driver,
                             found_.interface_index != 0
                                 ? absl::StrCat(" on ", InterfaceName(found_.interface_index))
                                 : "",
                             ", MAC ", MacText(mac_), ", ", options.workers,
                             options.workers == 1 ? " queue pair" : " queue pairs",
                             ", spread: ", spread.how));
  return absl::OkStatus();
}

// What the port says that it really hashes, and a redirection table in which every queue has its
// share.
absl::Status Port::CheckRss(uint16_t queues, const Spread& spread) {
  if (spread.rss_types == 0) return absl::OkStatus();
  rte_eth_rss_conf conf{};
  if (rte_eth_dev_rss_hash_conf_get(id(), &conf) == 0) {
    if (conf.rss_hf == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "port ", found_.name, ": RSS stays off although the device offers it: one of ", queues,
          " workers would get every packet; use --workers=1"));
    }
    facts_.push_back(absl::StrCat(
        "the device hashes ", RssTypeNames(conf.rss_hf),
        HashesPorts(conf.rss_hf) ? "" : ": addresses alone, so one client's flows share a queue"));
  }
  rte_eth_dev_info info;
  rte_eth_dev_info_get(id(), &info);
  if (info.reta_size == 0) return absl::OkStatus();
  std::vector<rte_eth_rss_reta_entry64> reta((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                             RTE_ETH_RETA_GROUP_SIZE);
  for (uint16_t i = 0; i < info.reta_size; ++i) {
    rte_eth_rss_reta_entry64& group = reta[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
  }
  const int error = rte_eth_dev_rss_reta_update(id(), reta.data(), info.reta_size);
  facts_.push_back(error == 0 ? absl::StrCat("redirection table of ", info.reta_size, " entries, ",
                                             "dealt to the queues in turn")
                              : "redirection table left as the driver made it");
  return absl::OkStatus();
}

void Port::DescribeLink() {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id(), &link) != 0) return;
  facts_.push_back(link.link_status == RTE_ETH_LINK_UP
                       ? "link up"
                       : "link down: nothing moves until it comes up");
}

PortLosses Port::Losses() const {
  rte_eth_stats stats{};
  if (!open_ || rte_eth_stats_get(id(), &stats) != 0) return {};
  return {stats.imissed, stats.rx_nombuf, stats.ierrors};
}

}  // namespace evenkeel
