// How packets come to the receive queues of a port, and whether several workers may share it.
//
// Queues are chosen by the port, never by us: by RSS in hardware, by the kernel, or by the peer of
// a software port. A port that does none of these would leave all workers but one idle (fault F49),
// so more than one queue on it is refused. Pure functions: called by Port::Start() and by tests.
//
//   ChooseSpread({"net_af_packet", 2, 0}, 2)->how == "kernel fan-out by flow hash
//   (PACKET_FANOUT_HASH)"
#ifndef DATAPLANE_PORT_SPREAD_H_
#define DATAPLANE_PORT_SPREAD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

struct SpreadFacts {
  std::string driver;           // as DPDK names it: net_virtio, net_af_packet ...
  uint16_t queues_max = 1;      // the smaller of receive and transmit
  uint64_t rss_capability = 0;  // RTE_ETH_RSS_* that the port says it can hash
};

struct Spread {
  uint64_t rss_types = 0;  // to ask of the port; 0: no RSS
  std::string how;         // for the line at start-up
};

// FailedPrecondition with what to do, where `queues` cannot be had or would not be spread over.
absl::StatusOr<Spread> ChooseSpread(const SpreadFacts& facts, uint16_t queues);

// "ipv4-tcp ipv6-tcp ..."; "none" for 0.
std::string RssTypeNames(uint64_t rss_types);

// Whether TCP and UDP ports enter the hash; without them one client's flows all share a queue.
bool HashesPorts(uint64_t rss_types);

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_SPREAD_H_
