// The counters of the decapsulation program as one line of text.
//
//   FormatOutcomes(outcomes)  ->  "received 12 packets: ipip 10, ip6ip6 1, inner_not_vip 1"

#ifndef TOOLS_EVENKEEL_DECAP_STATISTICS_H_
#define TOOLS_EVENKEEL_DECAP_STATISTICS_H_

#include <string>

#include "tools/evenkeel-decap/decapsulator.h"

namespace evenkeel::decap {

// Outcomes that never happened are left out.
std::string FormatOutcomes(const Outcomes& outcomes);

}  // namespace evenkeel::decap

#endif  // TOOLS_EVENKEEL_DECAP_STATISTICS_H_
