// A:P as the interface writes it: an address and a port, IPv6 in brackets.
#ifndef TOOLS_EVENKEEL_ENDPOINT_H_
#define TOOLS_EVENKEEL_ENDPOINT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "control/config/address.h"

namespace evenkeel::cli {

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // 203.0.113.10:443, [2001:db8::1]:443
  std::string ToString() const;
};

// The error says what to write instead. Ports are 0 to 65535, without leading zeros.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_ENDPOINT_H_
