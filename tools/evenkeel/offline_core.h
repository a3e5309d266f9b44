// A configuration as the forwarding core sees it, in this process: the same compilation that
// evenkeeld publishes, the same verification that planes do, the same core. Every next hop counts
// as resolved, since only a plane knows its neighbours.
//
// Used by `test` and `simulate`; one thread.
//
//   absl::StatusOr<std::unique_ptr<OfflineCore>> core = OfflineCore::Make(config, key);
//   Fate fate = (*core)->Judge(frame.begin(), frame.end(), &flow);
#ifndef TOOLS_EVENKEEL_OFFLINE_CORE_H_
#define TOOLS_EVENKEEL_OFFLINE_CORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/publish/compile.h"
#include "control/publish/key_file.h"
#include "control/sample/core_view.h"
#include "dataplane/forward/forward.h"

namespace evenkeel::cli {

// Of one packet.
struct Fate {
  lb_verdict verdict = LB_DROP;
  lb_reason reason = LB_REASON_none;
  uint64_t backend_id = 0;  // 0: it goes to no backend
  uint32_t counter = 0;  // of (service, backend), below counter_count(); meaningful with a backend
};

class OfflineCore {
 public:
  static absl::StatusOr<std::unique_ptr<OfflineCore>> Make(const Config& config,
                                                           const ClusterKey& key);

  // `flow` is filled as far as the packet could be read; flow->service is an index for ServiceAt().
  Fate Judge(const uint8_t* begin, const uint8_t* end, lb_flow* flow) const;

  const Config& config() const { return config_; }
  const lb_view& view() const { return *view_.get(); }
  uint32_t counter_count() const { return compiled_->image->counter_count(); }
  size_t service_count() const { return services_.size(); }
  // By the image's index; null for LB_NONE.
  const Service* ServiceAt(uint16_t index) const;
  // The counter of `backend` (its place in the pool) under the service of that index.
  uint32_t CounterOf(uint16_t service, size_t backend) const;
  // Fraction of the pool's slots.
  double ShareOf(uint16_t service, size_t backend) const;

 private:
  OfflineCore(Config config, CompiledPtr compiled, LeaseTable leases);

  const Config config_;
  const CompiledPtr compiled_;
  const LeaseTable leases_;
  const CoreView view_;
  std::vector<const Service*> services_;  // by the image's index
};

// "forward", "reply", "pass" or "drop:REASON"
std::string VerdictText(const Fate& fate);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_OFFLINE_CORE_H_
