// What is simulated.
#ifndef TOOLS_CHURN_OPTIONS_H_
#define TOOLS_CHURN_OPTIONS_H_

#include <cstdint>

namespace evenkeel {

struct ChurnOptions {
  uint64_t connections = 9'000'000;  // that begin, evenly over the time
  uint32_t seconds = 7200;
  uint32_t idle_s = 900;
  uint32_t backends = 20;  // at the beginning
  uint32_t nodes = 4;      // balancers behind ECMP
  uint32_t changes = 22;   // of backends, weights and health
  uint32_t node_failures = 0;
  uint32_t pause_percent = 5;       // of the connections pause once for longer than idle
  uint32_t lru_entries = 16384;     // of the capped LRU, a node
  uint32_t flow_buckets = 1 << 15;  // of Evenkeel's flow table, a node; eight entries each
  uint64_t seed = 1;
};

}  // namespace evenkeel

#endif  // TOOLS_CHURN_OPTIONS_H_
