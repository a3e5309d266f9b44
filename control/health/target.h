// What is checked, and what is found: the values that health checking takes and gives. Copy them
// freely.
#ifndef CONTROL_HEALTH_TARGET_H_
#define CONTROL_HEALTH_TARGET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "control/config/address.h"
#include "control/config/config.h"

namespace evenkeel {

// One backend of one pool, with the check that it has to pass.
struct HealthTarget {
  std::string pool;
  std::string backend;  // its name, for people; not part of what it is
  IpAddress address;    // the backend's own
  Forward forward = Forward::kIpip;
  // Through the tunnel each of them is checked, and all must pass. Direct checks go to `address`.
  std::vector<IpAddress> vips;
  Health check;
  // Where the path itself is tried for an ICMP check, which has no port; 0: by ping alone.
  uint16_t path_port = 0;

  // Whether it is the same thing to check: then a running check keeps its history. Two revisions
  // that differ in the check of a pool have different targets for the same backend.
  bool operator==(const HealthTarget& other) const {
    return pool == other.pool && address == other.address && forward == other.forward &&
           vips == other.vips && check == other.check && path_port == other.path_port;
  }
};
using HealthTargetPtr = std::shared_ptr<const HealthTarget>;

// Told when it changes: the first time after `rise` passes or `fall` failures in a row, and again
// when `passing` or `path_alive` turns.
struct HealthVerdict {
  HealthTargetPtr target;
  bool passing = false;
  // False once `fall` checks in a row got no answer whatever: neither a connection (a refusal is an
  // answer) nor a ping, by the check's own way. Always true while passing.
  bool path_alive = true;
  std::string last_error;  // a sentence; empty while passing
  absl::Time when;
  absl::Duration rtt = absl::ZeroDuration();  // of the check that decided; zero for a failure
};

// How a target stands, for `backends`.
struct HealthStatus {
  HealthTargetPtr target;
  std::optional<bool> passing;  // unset: no verdict yet
  bool path_alive = true;
  bool answered = true;  // its last check got an answer, right or wrong
  // Of the last check that failed, or why it is not checked; empty once it passes again.
  std::string last_error;
  absl::Time since = absl::InfinitePast();  // of the verdict
  uint64_t checks = 0;                      // that have ended
};

struct HealthStats {
  uint64_t started = 0;    // checks
  uint64_t passed = 0;     // checks
  uint64_t failed = 0;     // checks
  uint64_t undecided = 0;  // checks that this node could not make: they count neither way
  uint64_t late = 0;       // checks that began more than half their interval late
  uint64_t targets = 0;
  uint64_t in_flight = 0;  // descriptors and pings in use now
};

// What every backend of a configuration is checked by; none for pools without `health`.
//
// The VIPs are those of the pool's services that serve the port of the check, or, where none does,
// of all its services; of a service with a prefix, its first address.
std::vector<HealthTarget> HealthTargetsOf(const Config& config);

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TARGET_H_
