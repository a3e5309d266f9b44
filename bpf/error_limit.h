// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// How many ICMP errors a CPU may send: the token bucket of dataplane/worker/token_bucket.h over
// nanoseconds, of which an error costs LB_ERROR_COST_NS. A CPU that has sent none for long has the
// whole burst.
#ifndef BPF_ERROR_LIMIT_H_
#define BPF_ERROR_LIMIT_H_

#include "bpf/lb_shared.h"
#include "dataplane/forward/icmp.h"

#define LB_ERROR_COST_NS (1000000000ull / LB_ERRORS_PER_SECOND)
#define LB_ERROR_CREDIT_MAX_NS (LB_ERROR_COST_NS * LB_ERRORS_BURST)

// False: over the limit. `now_ns` never runs backwards; of a CPU that has just come up, all before
// counts as quiet.
static inline int lb_error_allowed(struct lb_cpu* cpu, uint64_t now_ns) {
  uint64_t credit = cpu->error_credit + (now_ns - cpu->error_last);
  if (credit > LB_ERROR_CREDIT_MAX_NS) credit = LB_ERROR_CREDIT_MAX_NS;
  cpu->error_last = now_ns;
  int allowed = credit >= LB_ERROR_COST_NS;
  cpu->error_credit = allowed ? credit - LB_ERROR_COST_NS : credit;
  return allowed;
}

#endif  // BPF_ERROR_LIMIT_H_
