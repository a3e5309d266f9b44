// A token bucket that counts in ticks of the TSC: a token costs `tsc_hz / per_second` of them. One
// worker's own. By itself it bounds nothing.
//
//   TokenBucket bucket(rte_get_tsc_hz(), /*per_second=*/100, /*burst=*/100);
//   if (!bucket.Take(rte_rdtsc())) ...   // over its budget
#ifndef DATAPLANE_WORKER_TOKEN_BUCKET_H_
#define DATAPLANE_WORKER_TOKEN_BUCKET_H_

#include <cstdint>

namespace evenkeel {

class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(uint64_t tsc_hz, uint64_t per_second, uint64_t burst)
      : cost_(tsc_hz / per_second), credit_max_(cost_ * burst), credit_(credit_max_) {}

  bool Take(uint64_t now_tsc) {
    credit_ += now_tsc - last_;
    if (credit_ > credit_max_) credit_ = credit_max_;
    last_ = now_tsc;
    if (credit_ < cost_) return false;
    credit_ -= cost_;
    return true;
  }

 private:
  uint64_t cost_ = 0;
  uint64_t credit_max_ = 0;
  uint64_t credit_ = 0;
  uint64_t last_ = 0;
};

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_TOKEN_BUCKET_H_
