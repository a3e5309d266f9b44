// How many packet buffers a port needs, from what may hold one at the same time.
//
// Too few buffers show as a port that silently receives nothing (fault F51), so the sum is made
// here, printed, and a smaller pool refused. Pure: called by Port::Start() and by tests.
#ifndef DATAPLANE_PORT_SIZING_H_
#define DATAPLANE_PORT_SIZING_H_

#include <cstdint>
#include <string>

namespace evenkeel {

// Buffers that one worker's share of the mempool's cache may hold back (1.5 times its size).
inline constexpr uint32_t kMempoolCache = 256;

struct MbufNeed {
  uint32_t workers = 1;
  uint32_t rx_descriptors = 0;
  uint32_t tx_descriptors = 0;
  uint32_t parked = 0;         // that a driver keeps for each queue besides its descriptors
  uint32_t kernel_queues = 0;  // places in the queues to and from the kernel, all together

  uint32_t Total() const;
  // "2 workers x (1024 receive + 1024 transmit + 128 in work + 384 cached) + 2048 to the kernel =
  // 7168"
  std::string Formula() const;
};

// What `driver` parks for each queue: AF_XDP fills a ring of its own, and receives nothing without.
uint32_t ParkedBuffers(const std::string& driver);

// Bytes of a buffer that holds a whole frame of `mtu`, room for outer headers in front included.
// Frames are never scattered over several buffers: see the reason not_linear.
uint16_t MbufDataRoom(uint16_t mtu);

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_SIZING_H_
