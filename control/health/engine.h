// The checks themselves, for one thread: what is due, what is in flight, what was found.
//
// Work() never blocks and does a bounded amount for each check, so that none is late because of
// another. All functions belong to one lock, but Wait(), which only the working thread calls, and
// Wake(), which anybody may.
//
//   while (running) { engine->Wait(); { lock; verdicts = engine->Work(); } tell(verdicts); }
#ifndef CONTROL_HEALTH_ENGINE_H_
#define CONTROL_HEALTH_ENGINE_H_

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/health/attempts.h"
#include "control/health/echo_socket.h"
#include "control/health/history.h"
#include "control/health/target.h"
#include "control/health/timers.h"
#include "control/health/tls.h"
#include "control/health/tunnel.h"
#include "control/health/way.h"

namespace evenkeel {

class HealthEngine {
 public:
  struct Options {
    // Sockets of checks open at once; 0: half of what the process may open. A check that finds
    // none begins later.
    size_t descriptors_max = 0;
    TunDevice::Options tunnel;
  };

  static absl::StatusOr<std::unique_ptr<HealthEngine>> Create(const Options& options);
  ~HealthEngine();

  // As those of Prober (prober.h).
  void SetTargets(const std::vector<HealthTarget>& targets, const Network& network);
  std::vector<HealthStatus> Status() const;
  HealthStats stats() const;
  std::vector<std::string> Problems() const;

  // Until there is something to do.
  void Wait();
  // Ends a Wait() under way, or the next one. From any thread.
  void Wake();
  // Does what there is to do; the verdicts that changed.
  std::vector<HealthVerdict> Work();

 private:
  // A target, and the checks that it must pass: one for each VIP, or one.
  struct Watched {
    HealthTargetPtr target;
    std::vector<uint32_t> checks;
    std::string obstacle;  // why it cannot be checked at all; empty if it can
    std::optional<bool> passing;
    bool path_alive = true;
    absl::Time since = absl::InfinitePast();
  };
  struct Check {
    HealthTargetPtr target;  // null: the place is free
    uint32_t generation = 0;
    uint32_t watched = 0;
    std::unique_ptr<Way> way;
    CheckHistory history{1, 1};
    // Of the round: the check, and what else tells whether the path is alive.
    std::vector<uint32_t> in_flight;  // attempts
    bool starting = false;
    bool tries_path = false;  // because the last one was silent
    bool answered = false;
    bool conclusive = false;  // silence in it means that the path is dead
    absl::Duration rtt;
    uint64_t ended = 0;
  };

  HealthEngine(UniqueFd epoll, UniqueFd wake, absl::StatusOr<EchoSocket> echo, TlsContext tls,
               const Options& options);

  void OpenTunnel();
  void ConfigureTunnel();
  void RetryTunnel();

  void MakeChecks(uint32_t watched);
  void AddCheck(uint32_t watched, std::unique_ptr<Way> way);
  void RemoveCheck(uint32_t index);

  void HandleEvents();
  void HandleTimers();
  void StartDeferred();
  void StartRound(uint32_t index, int64_t due_ns);
  void EndRound(uint32_t index);
  void ScheduleNext(uint32_t index, int64_t due_ns, int64_t now_ns);
  void StartAttempt(uint32_t check, AttemptRole role, std::unique_ptr<Probe> probe);
  void EndAttempt(uint32_t index, const ProbeOutcome& outcome);
  void Judge(uint32_t watched);
  int64_t FirstStart(absl::Duration interval);
  bool IsShort() const;

  const UniqueFd epoll_;
  const UniqueFd wake_;
  absl::StatusOr<EchoSocket> echo_;
  TlsContext tls_;
  const TunDevice::Options tunnel_options_;
  Network network_;
  bool wants_tunnel_ = false;
  std::unique_ptr<HealthTunnel> tunnel_;
  absl::Status tunnel_status_;  // why there is none
  int64_t tunnel_retry_ns_ = 0;
  int64_t tunnel_tick_ns_ = 0;
  Attempts attempts_;
  Timers timers_;
  std::vector<Check> checks_;
  std::vector<uint32_t> free_checks_;
  std::vector<Watched> watched_;
  std::deque<Timer> deferred_;  // due, and without a descriptor
  int64_t first_start_ns_ = 0;  // of the check that was added last
  int64_t last_shortage_ns_ = INT64_MIN / 2;
  HealthStats stats_;
  absl::BitGen random_;
  std::vector<HealthVerdict> verdicts_;

  // Of the working thread alone.
  std::array<epoll_event, 512> events_;
  int event_count_ = 0;
  std::optional<int64_t> wait_until_ns_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_ENGINE_H_
