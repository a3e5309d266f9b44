// How long a split has been at fault lately, and so whether that is a fault at all: what one
// teaches is kept from the dispersion (dispersion.h), but where alarms have lasted for a quarter of
// an hour, or come back so often, that is how counts vary here, and is learnt.
//
//   dispersion.Add(excess, variance, !faults.are_usual() && is_uneven);
//   ...
//   faults.Add(is_uneven);  // each second
//
// A value; one thread.
#ifndef CONTROL_WATCH_FAULT_TIME_H_
#define CONTROL_WATCH_FAULT_TIME_H_

#include <algorithm>

namespace evenkeel {

class FaultTime {
 public:
  static constexpr int kUsualSeconds = 900;

  // One second.
  void Add(bool at_fault) {
    tenths_ = std::clamp(tenths_ + (at_fault ? 10 : -1), 0, 2 * 10 * kUsualSeconds);
  }

  bool are_usual() const { return tenths_ >= 10 * kUsualSeconds; }

 private:
  int tenths_ = 0;  // of a second: ten quiet ones make up for one at fault
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_FAULT_TIME_H_
