// A way of choosing backends, as the simulation sees it: tables come in, packets are answered.
#ifndef TOOLS_CHURN_SCHEME_H_
#define TOOLS_CHURN_SCHEME_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "control/transition/tail_evidence.h"
#include "dataplane/table/records.h"
#include "tools/churn/options.h"

namespace evenkeel {

inline constexpr uint32_t kChurnSlotsLog2 = 16;
inline constexpr uint64_t kChurnPool = 1;  // id of the one pool

// What control publishes. The same moment for all schemes.
struct ChurnImage {
  std::vector<uint16_t> maglev;            // slot -> backend, of those that are in: for the others
  std::vector<lb_slot> slots;              // for Evenkeel, with
  std::vector<lb_transition> transitions;  // entry 0 reserved
  std::vector<lb_backend_state> states;    // by backend
};

struct ChurnPacket {
  uint64_t hash = 0;  // of the connection's tuple: names it, too
  uint32_t sequence = 0;
  bool is_first = false;  // its SYN
  bool is_last = false;
};

class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual const char* name() const = 0;
  virtual void Publish(const ChurnImage& image) = 0;
  // The backend that node `node` sends the packet to.
  virtual uint16_t Send(uint32_t node, const ChurnPacket& packet, uint64_t now_ns) = 0;
  // The node has started anew and knows nothing of its connections.
  virtual void ForgetNode(uint32_t node) = 0;
  // Once a second.
  virtual void Tick(uint64_t now_ns) { (void)now_ns; }
  // What ends its tails; nothing for schemes without.
  virtual void AddEvidence(TailEvidence* evidence) const { (void)evidence; }
  virtual uint64_t entries() const { return 0; }  // tracked connections now, all nodes together
};

std::unique_ptr<Scheme> MakeStateless();
std::unique_ptr<Scheme> MakeFullTable(uint32_t nodes);
std::unique_ptr<Scheme> MakeLru(uint32_t nodes, uint32_t entries);
// The project's own decisions: lb_track() over its own flow table, one a node.
std::unique_ptr<Scheme> MakeEvenkeel(const ChurnOptions& options, uint16_t backends);

}  // namespace evenkeel

#endif  // TOOLS_CHURN_SCHEME_H_
