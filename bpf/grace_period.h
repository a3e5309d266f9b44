// Waits until every packet that the XDP program had begun with is through.
#ifndef BPF_GRACE_PERIOD_H_
#define BPF_GRACE_PERIOD_H_

#include "absl/status/status.h"

namespace evenkeel {

// What the program read before the call it no longer uses after it: a set that was retired before
// may be written again. Takes some milliseconds to tens of them (one RCU grace period), so it is
// called when a set is needed and not at every publication.
absl::Status WaitForPacketsUnderWay();

}  // namespace evenkeel

#endif  // BPF_GRACE_PERIOD_H_
