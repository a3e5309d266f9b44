// Which services claim the same packets, by the order of matching: longest prefix, then exact port,
// then range, then any. Two claims of one rank are ambiguous; a claim that a more specific one cuts
// into is shadowed there. Pure; the rules on services (rules_services.cc) report what comes out.
#ifndef CONTROL_VALIDATE_OVERLAP_H_
#define CONTROL_VALIDATE_OVERLAP_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "control/config/config.h"

namespace evenkeel {

// Two claims of one rank to the ports low..high of one VIP prefix and protocol.
struct Ambiguity {
  const Service* first;  // in the order of the file; the same as `second` for a port listed twice
  const Service* second;
  PortRange ports;    // both claim all of these
  size_t port_index;  // of the claim in second->ports.ranges; 0 for `any`
};

// One service of which others take a part, because they are more specific.
struct Shadow {
  const Service* service;
  const Service* by;  // the first of them in the order of the file
  PortRange ports;    // what that one takes
  size_t others;      // how many more there are
};

struct Overlaps {
  std::vector<Ambiguity> ambiguities;  // at most one for each pair of services
  std::vector<Shadow> shadows;         // at most one for each service
};

Overlaps FindOverlaps(absl::Span<const Service> services);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_OVERLAP_H_
