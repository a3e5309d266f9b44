// The two clocks of a change: wall time for people and for the log, CLOCK_BOOTTIME for deadlines,
// since a step of the wall clock must neither confirm nor end a trial. Passed by constructor; any
// thread.
#ifndef CONTROL_CHANGE_CLOCK_H_
#define CONTROL_CHANGE_CLOCK_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace evenkeel {

class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() const = 0;
  // CLOCK_BOOTTIME, which goes on while the machine sleeps.
  virtual uint64_t BootNs() const = 0;
  // Of the boot that BootNs() counts from.
  virtual std::string BootId() const = 0;
};

// The kernel's; lives as long as the program.
const Clock* SystemClock();

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_CLOCK_H_
