// Whether new flows hash evenly: their slots in 256 groups, each of which should get as many.
//
// A table, right or wrong, changes nothing here: only the hash and what comes before it do. A
// router in front that hashes alike sends this node a part of the hash space alone (F34). Fed with
// the sampled first packets of a service, as many in each group as in any other unless something is
// wrong. A flow counts once in a minute or two: a SYN that is sent again and again, to a backend
// that is dead or by somebody who repeats it, says nothing of the hash.
//
//   SlotGroups groups;                     // of one service
//   for (...) groups.Add(fate.hash);       // of sampled first packets
//   groups.EndSecond(now, threshold);
//   if (groups.alarm()) ...
//
// Evidence is that of the watch's own test of a whole split (watch/window_test.h), divided by what
// the counts vary beyond chance (watch/dispersion.h), to which a fault adds nothing
// (watch/fault_time.h). A value; one thread.
#ifndef CONTROL_SAMPLE_SLOT_GROUPS_H_
#define CONTROL_SAMPLE_SLOT_GROUPS_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "control/watch/dispersion.h"
#include "control/watch/fault_time.h"
#include "control/watch/window_test.h"

namespace evenkeel {

struct SlotGroupsAlarm {
  absl::Time since;
  double strength = 0;  // of the threshold
  int empty = 0;        // groups without any new flow, of SlotGroups::kGroups
  double largest = 0;   // share of the fullest group
};

class SlotGroups {
 public:
  static constexpr size_t kGroups = 256;

  // A slot is the top bits of the hash, and so is its group, however many slots there are.
  void Add(uint64_t hash) {
    const bool is_known = known_before_.contains(hash);
    if (known_.insert(hash).second && !is_known) ++counts_[hash >> 56];
  }

  // `nats`: what chance may pass with probability exp(-nats), AlarmThreshold() of split_watch.h.
  // `bunched`: flows of a client stay together (affinity: client), so that nothing is said before
  // the dispersion is known.
  void EndSecond(absl::Time at, double nats, bool bunched);

  const std::optional<SlotGroupsAlarm>& alarm() const { return alarm_; }

 private:
  void ForgetFlows();
  void TakeSecond(bool at_fault);
  void Judge(absl::Time at, double nats, bool can_tell);

  std::array<uint64_t, kGroups> counts_{};
  // Hashes of this minute and of the one before; as many as the planes sample in that time.
  absl::flat_hash_set<uint64_t> known_;
  absl::flat_hash_set<uint64_t> known_before_;
  int known_seconds_ = 0;
  Dispersion dispersion_;
  FaultTime faults_;
  WindowTest window_;
  int loud_ = 0;   // seconds
  int quiet_ = 0;  // seconds
  std::optional<SlotGroupsAlarm> alarm_;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SLOT_GROUPS_H_
