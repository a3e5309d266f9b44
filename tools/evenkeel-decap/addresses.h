// The addresses of evenkeel-decap's configuration, in the form that the BPF maps take
// (bpf/decap.h).
//
// Called once at start-up, from main's thread.
//
//   absl::StatusOr<std::vector<decap_prefix>> vips = ParsePrefixes("203.0.113.0/24,2001:db8::/48");
//   absl::StatusOr<std::vector<decap_address>> own = AddressesOfInterface("eth0");

#ifndef TOOLS_EVENKEEL_DECAP_ADDRESSES_H_
#define TOOLS_EVENKEEL_DECAP_ADDRESSES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/decap.h"

namespace evenkeel::decap {

// "10.0.0.1,fd00::1". An empty text is an empty list. InvalidArgument names the bad item.
absl::StatusOr<std::vector<decap_address>> ParseAddresses(const std::string& text);

// "203.0.113.0/24,2001:db8::/48"; an address without a length is a host. Bits after the prefix must
// be zero: "10.0.0.1/8" is refused, because it is not clear what was meant.
absl::StatusOr<std::vector<decap_prefix>> ParsePrefixes(const std::string& text);

// Every IPv4 and IPv6 address that the interface has now, link-local ones included.
absl::StatusOr<std::vector<decap_address>> AddressesOfInterface(const std::string& interface);

// As an operator writes it: "10.0.0.1", not "::ffff:10.0.0.1".
std::string ToString(const decap_address& address);

}  // namespace evenkeel::decap

#endif  // TOOLS_EVENKEEL_DECAP_ADDRESSES_H_
