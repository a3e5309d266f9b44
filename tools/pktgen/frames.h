// Prepared packets: every buffer of the pool holds the same frame of 60 bytes (64 on a wire), and
// sending one only writes what tells its flow. Flow f of n is a client 10.x.y.z with f in its low
// bits; a full-period generator walks through all n before one comes again.
#ifndef TOOLS_PKTGEN_FRAMES_H_
#define TOOLS_PKTGEN_FRAMES_H_

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <array>
#include <cstdint>

namespace evenkeel::pktgen {

inline constexpr uint16_t kFrameBytes = 60;

struct FrameSpec {
  std::array<uint8_t, 6> destination_mac{};
  std::array<uint8_t, 6> source_mac{};
  std::array<uint8_t, 4> vip{203, 0, 113, 10};
  uint16_t port = 80;
};

// Writes the frame into every buffer of a pool that nobody uses yet.
void PrepareFrames(rte_mempool* pool, const FrameSpec& spec);

// The numbers 0 .. n-1 in a fixed scattered order, again and again; n a power of two (Hull and
// Dobell 1962: odd increment, multiplier 1 modulo 4).
class FlowWalk {
 public:
  explicit FlowWalk(uint32_t flows) : mask_(flows - 1) {}
  uint32_t Next() { return state_ = (state_ * 1664525 + 1013904223) & mask_; }

 private:
  uint32_t mask_;
  uint32_t state_ = 0;
};

// Makes a buffer that came fresh from the pool a packet of `flow`.
void SetFlow(rte_mbuf* packet, uint32_t flow);

}  // namespace evenkeel::pktgen

#endif  // TOOLS_PKTGEN_FRAMES_H_
