#include "control/sample/flow_key.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/wire.h"

namespace evenkeel {
namespace {

IpAddress AddressOf(const uint8_t (&bytes)[16]) {
  IpAddress::Bytes copy;
  std::copy(std::begin(bytes), std::end(bytes), copy.begin());
  return IpAddress(copy);
}

std::string EndText(const IpAddress& address, uint16_t port) {
  return address.is_ipv4() ? absl::StrCat(address.ToString(), ":", port)
                           : absl::StrCat("[", address.ToString(), "]:", port);
}

}  // namespace

IpAddress SourceOf(const lb_sample& sample) { return AddressOf(sample.source); }

FlowKeyOfSample FlowKeyOfSample::Of(const lb_sample& sample) {
  return {.source = AddressOf(sample.source),
          .destination = AddressOf(sample.destination),
          .source_port = LB_NET16(sample.source_port),
          .destination_port = LB_NET16(sample.destination_port),
          .protocol = sample.protocol};
}

std::string FlowKeyOfSample::ToString() const {
  return absl::StrCat(EndText(source, source_port), " -> ", EndText(destination, destination_port),
                      protocol == LB_PROTOCOL_TCP ? "/tcp" : "/udp");
}

}  // namespace evenkeel
