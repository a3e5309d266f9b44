#include "dataplane/port/sizing.h"

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr uint32_t kInWork = 128;  // two bursts: one received, one waiting to be sent
constexpr uint32_t kCached = kMempoolCache + kMempoolCache / 2;

}  // namespace

uint32_t MbufNeed::Total() const {
  return workers * (rx_descriptors + tx_descriptors + parked + kInWork + kCached) + kernel_queues;
}

std::string MbufNeed::Formula() const {
  return absl::StrCat(
      workers, workers == 1 ? " worker x (" : " workers x (", rx_descriptors, " receive + ",
      tx_descriptors, " transmit + ",
      parked != 0 ? absl::StrCat(parked, " parked by the driver + ") : "", kInWork, " in work + ",
      kCached, " cached)",
      kernel_queues != 0 ? absl::StrCat(" + ", kernel_queues, " to the kernel") : "", " = ",
      Total());
}

uint32_t ParkedBuffers(const std::string& driver) { return driver == "net_af_xdp" ? 4096 : 0; }

uint16_t MbufDataRoom(uint16_t mtu) {
  constexpr uint32_t kTags = 2 * RTE_VLAN_HLEN;
  const uint32_t frame = mtu + RTE_ETHER_HDR_LEN + kTags + RTE_ETHER_CRC_LEN;
  const uint32_t room = std::max<uint32_t>(RTE_ALIGN_CEIL(frame, 64u), RTE_MBUF_DEFAULT_DATAROOM);
  return static_cast<uint16_t>(std::min<uint32_t>(room + RTE_PKTMBUF_HEADROOM, UINT16_MAX));
}

}  // namespace evenkeel
