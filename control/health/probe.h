// One try of a check: from the first system call to a result, without ever blocking.
//
// Begun by the engine, fed with what epoll says, abandoned when its time is over. A probe that has
// given an outcome is not called again. Destroying it closes what it opened.
#ifndef CONTROL_HEALTH_PROBE_H_
#define CONTROL_HEALTH_PROBE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "control/config/address.h"

namespace evenkeel {

struct ProbeOutcome {
  enum class Kind {
    kPassed,
    kFailed,
    kUndecided,  // this node could not ask: says nothing of the backend
  };

  Kind kind = Kind::kPassed;
  bool answered = true;  // whoever is there has spoken, if only to refuse
  std::string error;     // a sentence; empty when passed

  static ProbeOutcome Passed() { return {}; }
  static ProbeOutcome Failed(std::string error) { return {Kind::kFailed, true, std::move(error)}; }
  static ProbeOutcome Unanswered(std::string error) {
    return {Kind::kFailed, false, std::move(error)};
  }
  static ProbeOutcome Undecided(std::string error) {
    return {Kind::kUndecided, false, std::move(error)};
  }
};
using MaybeOutcome = std::optional<ProbeOutcome>;

class Probe {
 public:
  virtual ~Probe() = default;

  // `ticket` comes back with the answer where the probe has no descriptor of its own. An outcome at
  // once ends it.
  virtual MaybeOutcome Start(uint64_t ticket) = 0;

  // To watch for reading and writing, edge-triggered; -1 where answers come by HandleEcho().
  virtual int fd() const { return -1; }
  virtual MaybeOutcome HandleReady() { return std::nullopt; }
  virtual MaybeOutcome HandleEcho(const IpAddress& from) {
    (void)from;
    return std::nullopt;
  }

  // Its time is over: what had been answered until then, and what had not. `waited` is the timeout
  // as written in the configuration.
  virtual ProbeOutcome TimedOut(const std::string& waited) const = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_PROBE_H_
