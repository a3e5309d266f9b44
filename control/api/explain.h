// What the planes would do with a flow: the forwarding core itself, run here over the same tables
// that were published, on a packet made for the question.
//
//   absl::StatusOr<Explanation> e = Explain(*running, {.from = ..., .to = ..., .protocol =
//   Protocol::kTcp});
//
// Pure; any thread. The packet is the flow's first one (TCP: a SYN), and every next hop counts as
// resolved, since only the plane knows its neighbours.
#ifndef CONTROL_API_EXPLAIN_H_
#define CONTROL_API_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "control/config/address.h"
#include "control/config/config.h"
#include "control/pipeline.h"

namespace evenkeel {

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // A:P, or [A]:P for IPv6.
  static absl::StatusOr<Endpoint> Parse(absl::string_view text);
  std::string ToString() const;
};

struct FlowQuestion {
  Endpoint from;
  Endpoint to;
  Protocol protocol = Protocol::kTcp;
};

struct Explanation {
  std::string verdict;  // forward | reply | pass | drop:REASON
  std::optional<std::string> service;
  std::optional<uint64_t> hash;
  std::optional<uint32_t> slot;
  std::optional<std::string> state;     // pure | open | tail
  std::optional<std::string> backend;   // its name
  std::optional<std::string> previous;  // likewise, while the slot is in transition
  std::optional<std::string> address;   // of the backend
  std::string why;                      // a sentence
};

// InvalidArgument: the two ends are of different families. FailedPrecondition: nothing was
// published.
absl::StatusOr<Explanation> Explain(const RunningRevision& running, const FlowQuestion& question);

}  // namespace evenkeel

#endif  // CONTROL_API_EXPLAIN_H_
