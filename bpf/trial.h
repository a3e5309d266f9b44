// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// Which generation decides while one is on trial: the program goes back by itself at the deadline,
// whether control lives or not.
#ifndef BPF_TRIAL_H_
#define BPF_TRIAL_H_

#include "bpf/maps.h"
#include "dataplane/forward/compiler.h"

// The root word to go by, for one that is on trial. By itself, so that the verifier meets the rest
// of the program once and not once for each way a trial may stand.
LB_SUBPROGRAM uint64_t lb_trial_decide(uint64_t root_word) {
  volatile struct lb_trial* trial = &lb_trial;
  uint64_t state = trial->state;
  if (state == LB_TRIAL_ARMED) {
    if (bpf_ktime_get_boot_ns() < trial->deadline_ns) return root_word;
    // One swap wins, here or in control: what it says is what every packet goes by from now on.
    state = __sync_val_compare_and_swap(&lb_trial.state, (uint64_t)LB_TRIAL_ARMED,
                                        (uint64_t)LB_TRIAL_RETURNED);
    if (state == LB_TRIAL_ARMED) state = LB_TRIAL_RETURNED;
  }
  return state == LB_TRIAL_RETURNED ? trial->return_word : root_word;
}

#endif  // BPF_TRIAL_H_
