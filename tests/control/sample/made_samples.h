// Sampled headers of a test's making.
#ifndef TESTS_CONTROL_SAMPLE_MADE_SAMPLES_H_
#define TESTS_CONTROL_SAMPLE_MADE_SAMPLES_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/wire.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

// Of TCP from 10.x.y.z (`client`) to 203.0.113.10:80, sampled among all. `is_new`: a SYN.
inline lb_sample MakeTcpSample(uint32_t client, uint16_t port, uint16_t length,
                               bool is_new = false) {
  lb_sample sample{};
  sample.family = LB_IPV4;
  sample.protocol = LB_PROTOCOL_TCP;
  const std::array<uint8_t, 16> source = {0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0xff,
                                          0xff,
                                          10,
                                          static_cast<uint8_t>(client >> 16),
                                          static_cast<uint8_t>(client >> 8),
                                          static_cast<uint8_t>(client)};
  const std::array<uint8_t, 16> vip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 10};
  std::copy(source.begin(), source.end(), sample.source);
  std::copy(vip.begin(), vip.end(), sample.destination);
  sample.source_port = LB_NET16(port);
  sample.destination_port = LB_NET16(80);
  sample.ip_length = length;
  sample.ttl = 64;
  sample.flags = LB_FLOW_DONT_FRAGMENT | (is_new ? LB_FLOW_NEW : 0);
  sample.tcp_flags = is_new ? LB_TCP_SYN : LB_TCP_ACK;
  sample.every = 1;
  sample.backend = LB_NONE;
  return sample;
}

}  // namespace evenkeel

#endif  // TESTS_CONTROL_SAMPLE_MADE_SAMPLES_H_
