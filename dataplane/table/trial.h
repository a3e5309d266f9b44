// A trial as planes, the channel and control speak of it: an image that runs until a deadline,
// unless it is confirmed before, and the way back that the plane holds meanwhile.
//
// A trial never outlives the boot: the DPDK plane's ends with its process (a dataplane that dies
// during a trial starts from the way back), the XDP twin's with the kernel's maps.
#ifndef DATAPLANE_TABLE_TRIAL_H_
#define DATAPLANE_TABLE_TRIAL_H_

#include <time.h>

#include <cstdint>

#include "absl/status/status.h"

namespace evenkeel {

enum class TrialState : uint32_t {
  kNone = 0,
  kArmed = 1,
  kConfirmed = 2,  // the image on trial stays
  kReturned = 3,   // the way back runs
};

struct TrialRecord {
  uint64_t id = 0;                 // the revision on trial
  uint64_t generation = 0;         // of the image on trial
  uint64_t return_generation = 0;  // of the way back, generation + 1
  uint64_t deadline_ns = 0;        // CLOCK_BOOTTIME
  TrialState state = TrialState::kNone;
  uint32_t reserved = 0;
  friend bool operator==(const TrialRecord&, const TrialRecord&) = default;
};
static_assert(sizeof(TrialRecord) == 40);

// CLOCK_BOOTTIME: goes on during a suspend, and no setting of the clock moves it.
inline uint64_t BootTimeNs() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// The rules, the same in every plane. `held`: the trial that a plane holds or that ended there
// last. Errors are refusals (refusal.h).

// kStaleGeneration unless `generation` is newer than what runs and than the way back, whose
// generation is spent whether it ran or not.
absl::Status CheckFresh(const TrialRecord& held, uint64_t running, uint64_t generation);
// kTrialArmed while a trial is under way: no plain publication then.
absl::Status CheckNoTrial(const TrialRecord& held, uint64_t generation);
// Whether `wanted` may begin, or renew what is held.
absl::Status CheckTrial(const TrialRecord& held, const TrialRecord& wanted, uint64_t now_ns);
// The answer to who wants the trial to end as `wanted`, once it has ended or where it is not held:
// then the revision that runs tells.
absl::Status TellEnd(const TrialRecord& held, uint64_t running_revision, uint64_t id,
                     TrialState wanted);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_TRIAL_H_
