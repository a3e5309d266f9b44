// The first packet of a flow, as `test` asks the core about it.
#ifndef TOOLS_EVENKEEL_TEST_PACKET_H_
#define TOOLS_EVENKEEL_TEST_PACKET_H_

#include <cstdint>
#include <vector>

#include "tools/evenkeel/test_file.h"

namespace evenkeel::cli {

// Ethernet, IPv4 or IPv6, and a TCP SYN or a UDP datagram, padded to `flow.bytes`; Don't Fragment
// is set. Checksums are zero: the core does not look at them, as a NIC has done that.
std::vector<uint8_t> FirstPacket(const TestFlow& flow);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TEST_PACKET_H_
