// Watches how flows are split among members that should each get a known share: the backends of a
// service, the workers of a plane. Fed once a second; raises, holds and clears alarms.
//
//   SplitWatch split;
//   split.Add({.at = now, .ids = {...}, .observed = {...}, .tables = {{...}}}, rules);
//   for (const SplitAlarm& alarm : split.Alarms()) ...
//
// A value; knows no clock; one thread.
#ifndef CONTROL_WATCH_SPLIT_WATCH_H_
#define CONTROL_WATCH_SPLIT_WATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "control/watch/dispersion.h"
#include "control/watch/fault_time.h"
#include "control/watch/share_bank.h"
#include "control/watch/window_test.h"

namespace evenkeel {

struct SplitSecond {
  absl::Time at;  // its end
  // Members and their new flows, in any order that stays the same while the members do.
  std::vector<uint64_t> ids;
  std::vector<uint64_t> observed;
  // Shares by each table that may have decided in this second; at least one.
  std::vector<std::vector<double>> tables;
};

struct SplitRules {
  // Nats; AlarmThreshold() of all members that are watched.
  double threshold = 0;
  // Flows come in bunches that stay together (`affinity: client`): nothing is said before the
  // dispersion is known.
  bool bunched = false;
};

// For less than one false alarm in ten years of a node that watches so many members.
double AlarmThreshold(size_t members);

struct SplitAlarm {
  std::optional<uint64_t> member;  // not set: no single one, but the split as a whole
  bool above = false;              // more than its share
  double expected = 0;             // share of the last ten seconds
  double observed = 0;
  double strength = 0;  // of the threshold; 1 and more raises
  absl::Time since;     // when the deviation began
};

class SplitWatch {
 public:
  void Add(const SplitSecond& second, const SplitRules& rules);

  // For a second that is known to be no evidence: what was held is held no more, and the next one
  // begins anew. What is known of the dispersion stays.
  void Skip();

  std::vector<SplitAlarm> Alarms() const;

 private:
  void SetMembers(const std::vector<uint64_t>& ids);
  bool IsNamed() const;  // a member
  bool IsUneven() const { return IsNamed() || whole_since_; }
  void TestWhole(const SplitSecond& second, const SplitRules& rules);

  std::vector<uint64_t> ids_;
  std::vector<ShareBank> banks_;  // by place in ids_
  Dispersion dispersion_;
  WindowTest window_;
  std::vector<double> shares_;
  double threshold_ = 1;
  FaultTime faults_;
  // The window's alarm.
  std::optional<absl::Time> whole_since_;
  int whole_quiet_ = 0;  // seconds
  // Since a single member was named: the window still holds what he was named for.
  int since_named_ = static_cast<int>(WindowTest::kSeconds);
  double whole_strength_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_SPLIT_WATCH_H_
