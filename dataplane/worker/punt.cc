#include "dataplane/worker/punt.h"

#include <algorithm>

#include "dataplane/forward/wire.h"
#include "dataplane/worker/mbuf_edit.h"

namespace evenkeel {
namespace {

constexpr uint16_t kPortSsh = LB_NET16(22);
constexpr uint16_t kPortBgp = LB_NET16(179);
constexpr uint16_t kPortBfd = LB_NET16(3784);
constexpr uint16_t kPortBfdMultihop = LB_NET16(4784);
constexpr uint8_t kProtocolOspf = 89;
constexpr uint8_t kProtocolVrrp = 112;
constexpr uint8_t kNdpFirst = 133;  // router solicitation (RFC 4861)
constexpr uint8_t kNdpLast = 137;   // redirect

// Of all workers together. Some ten times what a busy edge node's own traffic needs.
struct Budget {
  uint64_t packets_per_second;
  uint64_t burst;
};
constexpr Budget kBudgets[kPuntClasses] = {
    {4'000, 400},    // neighbour
    {10'000, 1000},  // routing
    {20'000, 1000},  // management
    {5'000, 500},    // other
};

// Where the payload of the IP packet begins; null when the frame ends before four bytes of it.
const uint8_t* Payload(const uint8_t* frame, const uint8_t* end, const lb_flow& flow) {
  const uint8_t* header = frame + flow.l3_offset;
  if (header + sizeof(lb_ipv4) > end) return nullptr;
  const uint8_t* payload =
      header + (flow.family == LB_IPV4 ? (header[0] & 15) * 4 : sizeof(lb_ipv6));
  return payload + 4 <= end ? payload : nullptr;
}

bool HasPort(const uint8_t* payload, uint16_t port) {
  uint16_t source, destination;
  __builtin_memcpy(&source, payload, sizeof(source));
  __builtin_memcpy(&destination, payload + 2, sizeof(destination));
  return source == port || destination == port;
}

}  // namespace

PuntClass ClassifyPunt(const uint8_t* frame, const uint8_t* end, const lb_flow& flow) {
  if (flow.reason == LB_REASON_not_ip) return PuntClass::kNeighbour;
  // To a VIP: never the node's own business.
  if (flow.reason != LB_REASON_no_service) return PuntClass::kOther;
  if (flow.protocol == kProtocolOspf || flow.protocol == kProtocolVrrp) return PuntClass::kRouting;
  const uint8_t* payload = Payload(frame, end, flow);
  if (payload == nullptr) return PuntClass::kOther;
  switch (flow.protocol) {
    case LB_PROTOCOL_ICMPV6:
      return payload[0] >= kNdpFirst && payload[0] <= kNdpLast ? PuntClass::kNeighbour
                                                               : PuntClass::kOther;
    case LB_PROTOCOL_TCP:
      if (HasPort(payload, kPortBgp)) return PuntClass::kRouting;
      return HasPort(payload, kPortSsh) ? PuntClass::kManagement : PuntClass::kOther;
    case LB_PROTOCOL_UDP:
      return HasPort(payload, kPortBfd) || HasPort(payload, kPortBfdMultihop) ? PuntClass::kRouting
                                                                              : PuntClass::kOther;
    default:
      return PuntClass::kOther;
  }
}

Punt::Punt(rte_ring* to_kernel, uint32_t workers, uint64_t tsc_hz) : to_kernel_(to_kernel) {
  for (int i = 0; i < kPuntClasses; ++i) {
    budgets_[i] =
        TokenBucket(tsc_hz, std::max<uint64_t>(1, kBudgets[i].packets_per_second / workers),
                    std::max<uint64_t>(1, kBudgets[i].burst / workers));
  }
}

bool Punt::Enqueue(rte_mbuf* packet, const lb_flow& flow, uint64_t now_tsc) {
  const PuntClass kind = ClassifyPunt(FrameStart(packet), FrameEnd(packet), flow);
  if (budgets_[static_cast<int>(kind)].Take(now_tsc) && rte_ring_enqueue(to_kernel_, packet) == 0) {
    return true;
  }
  rte_pktmbuf_free(packet);
  return false;
}

}  // namespace evenkeel
