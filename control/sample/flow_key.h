// A flow as people know it, of a sampled header.
#ifndef CONTROL_SAMPLE_FLOW_KEY_H_
#define CONTROL_SAMPLE_FLOW_KEY_H_

#include <cstdint>
#include <string>
#include <utility>

#include "control/config/address.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

struct FlowKeyOfSample {
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;  // host order
  uint16_t destination_port = 0;
  uint8_t protocol = 0;

  static FlowKeyOfSample Of(const lb_sample& sample);
  // "198.51.100.2:40000 -> 203.0.113.10:443/tcp"
  std::string ToString() const;

  auto operator<=>(const FlowKeyOfSample&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const FlowKeyOfSample& flow) {
    return H::combine(std::move(state), flow.source, flow.destination, flow.source_port,
                      flow.destination_port, flow.protocol);
  }
};

IpAddress SourceOf(const lb_sample& sample);

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_FLOW_KEY_H_
