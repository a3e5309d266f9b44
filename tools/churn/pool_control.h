// The control half of the simulation: one pool whose backends come, go, drain, fail and come back.
// Health, overlay and transitions are the project's own (control/overlay, control/transition).
#ifndef TOOLS_CHURN_POOL_CONTROL_H_
#define TOOLS_CHURN_POOL_CONTROL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/overlay/pool_health.h"
#include "control/transition/tail_evidence.h"
#include "tools/churn/options.h"
#include "tools/churn/scheme.h"

namespace evenkeel {

class PoolControl {
 public:
  // Backends 0 .. options.backends - 1 are configured, the rest up to `backends` can be added.
  PoolControl(const ChurnOptions& options, uint16_t backends, uint64_t now_ns);

  // 0: removed, or drained: to the table that is the same.
  void SetWeight(uint16_t backend, uint32_t weight, uint64_t now_ns);
  uint32_t weight(uint16_t backend) const { return weights_[backend]; }
  void TakeVerdict(uint16_t backend, const CheckVerdict& verdict, uint64_t now_ns);
  // True: something is to be published.
  bool Advance(uint64_t now_ns);
  bool IsIn(uint16_t backend) const;

  // The image after the one before. `evidence` may be null.
  absl::StatusOr<ChurnImage> Publish(const TailEvidence* evidence, uint64_t now_ns);

 private:
  const ChurnOptions& options_;
  std::vector<uint32_t> weights_;
  PoolHealth health_;
  ChurnImage image_;
  bool changed_ = true;
};

}  // namespace evenkeel

#endif  // TOOLS_CHURN_POOL_CONTROL_H_
