// The outer header of a check through a tunnel, written by the planes' own code: what a backend
// gets differs from its traffic in nothing.
//
//   OuterHeader outer(config.network);
//   size_t length = outer.Write(backend, varying, packet);   // in the kRoom bytes before the
//   packet
#ifndef CONTROL_HEALTH_OUTER_HEADER_H_
#define CONTROL_HEALTH_OUTER_HEADER_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "control/config/address.h"
#include "control/config/config.h"
#include "dataplane/table/records.h"

namespace evenkeel {

class OuterHeader {
 public:
  // Of the longest outer header, bytes.
  static constexpr size_t kRoom = 40;

  explicit OuterHeader(const Network& network);

  // IPIP, 4in6, 6in4 or 6in6 by the families of `backend` and of the packet, an IP packet.
  // `varying` chooses the outer source within a configured prefix. Bytes written; 0 where `packet`
  // is no IP.
  size_t Write(const IpAddress& backend, uint32_t varying, absl::Span<uint8_t> packet) const;

 private:
  lb_params params_{};
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_OUTER_HEADER_H_
