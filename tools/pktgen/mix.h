// What the packets of a measurement are: a template frame, and what tells each packet's flow in it.
//
//   MixWriter writer({.ipv4 = true, .protocol = IPPROTO_TCP, .port = 80, .flows = 1 << 20});
//   for (rte_mbuf* buffer : buffers) writer.WriteNext(buffer);
#ifndef TOOLS_PKTGEN_MIX_H_
#define TOOLS_PKTGEN_MIX_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "tools/pktgen/frames.h"

namespace evenkeel::pktgen {

struct Mix {
  bool ipv4 = true;
  uint8_t protocol = 6;   // TCP or UDP
  uint16_t port = 80;     // of the service
  bool syn = false;       // TCP: SYNs, else ACKs
  uint32_t flows = 1;     // a power of two, up to 2^24: as many clients
  uint32_t services = 1;  // more than 1: VIPs from 198.18.0.0 on, IPv4 only, flow by flow
};

class MixWriter {
 public:
  explicit MixWriter(const Mix& mix);

  // 60 bytes; IPv6 over TCP 74.
  uint16_t frame_bytes() const { return frame_bytes_; }
  // The frame of the next flow, at the place where a driver puts it. The mbuf itself is not
  // touched.
  void WriteNext(rte_mbuf* buffer);

 private:
  void SetIpv4Flow(uint8_t* frame, uint32_t flow) const;

  const Mix mix_;
  FlowWalk walk_;
  std::array<uint8_t, 80> frame_{};
  uint16_t frame_bytes_ = kFrameBytes;
};

}  // namespace evenkeel::pktgen

#endif  // TOOLS_PKTGEN_MIX_H_
