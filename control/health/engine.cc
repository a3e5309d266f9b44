#include "control/health/engine.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/config/literals.h"
#include "control/health/probes.h"

namespace evenkeel {
namespace {

// Tags of epoll that are no tickets: no table of attempts has such a place.
constexpr uint64_t kWakeTag = UINT32_MAX;
constexpr uint64_t kEcho4Tag = uint64_t{1} << 32 | UINT32_MAX;
constexpr uint64_t kEcho6Tag = uint64_t{2} << 32 | UINT32_MAX;

constexpr uint64_t kTunnelTag = uint64_t{3} << 32 | UINT32_MAX;

constexpr int kEchoesAtOnce = 512;
constexpr double kJitter = 0.1;               // of the interval, either way
constexpr double kSoon = 0.25;                // of the interval, while a verdict is near
constexpr int64_t kFirstSpacingNs = 100'000;  // between the first checks of many new targets
constexpr int64_t kTunnelRetryNs = 10'000'000'000;
constexpr int64_t kTunnelTickNs = 1'000'000'000;
constexpr int64_t kShortageShownNs = 60'000'000'000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

absl::Status Watch(int epoll, int fd, uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "epoll_ctl");
}

size_t DescriptorsMax(const HealthEngine::Options& options) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const size_t half = std::max<size_t>(1, limit.rlim_cur / 2);
  return options.descriptors_max == 0 ? half : std::min(options.descriptors_max, half);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HealthEngine>> HealthEngine::Create(const Options& options) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.valid() || !wake.valid()) {
    return absl::ErrnoToStatus(errno, "health checks: cannot watch sockets");
  }
  absl::StatusOr<TlsContext> tls = TlsContext::Create();
  if (!tls.ok()) return tls.status();
  absl::StatusOr<EchoSocket> echo = EchoSocket::Open();
  if (absl::Status s = Watch(epoll.get(), wake.get(), kWakeTag); !s.ok()) return s;
  if (echo.ok()) {
    absl::Status watched = Watch(epoll.get(), echo->fd(Family::kIpv4), kEcho4Tag);
    watched.Update(Watch(epoll.get(), echo->fd(Family::kIpv6), kEcho6Tag));
    if (!watched.ok()) return watched;
  }
  return std::unique_ptr<HealthEngine>(new HealthEngine(std::move(epoll), std::move(wake),
                                                        std::move(echo), *std::move(tls), options));
}

HealthEngine::HealthEngine(UniqueFd epoll, UniqueFd wake, absl::StatusOr<EchoSocket> echo,
                           TlsContext tls, const Options& options)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      echo_(std::move(echo)),
      tls_(std::move(tls)),
      tunnel_options_(options.tunnel),
      attempts_(epoll_.get(), DescriptorsMax(options)) {}

HealthEngine::~HealthEngine() = default;

void HealthEngine::Wait() {
  int timeout_ms = -1;
  if (wait_until_ns_) {
    const int64_t left_ns = std::max<int64_t>(0, *wait_until_ns_ - NowNs());
    timeout_ms = static_cast<int>(std::min<int64_t>(left_ns / 1'000'000 + (left_ns > 0), 60'000));
  }
  event_count_ = epoll_wait(epoll_.get(), events_.data(), events_.size(), timeout_ms);
}

void HealthEngine::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

std::vector<HealthVerdict> HealthEngine::Work() {
  HandleEvents();
  StartDeferred();
  HandleTimers();
  wait_until_ns_ = timers_.next_ns();
  if (wants_tunnel_) RetryTunnel();
  if (tunnel_) tunnel_->Drain();  // what was begun just now
  return std::exchange(verdicts_, {});
}

void HealthEngine::HandleEvents() {
  const auto take_echo = [this](uint64_t ticket, const IpAddress& from) {
    const uint32_t index = attempts_.Find(ticket);
    if (index == Attempts::kNone) return;
    if (const MaybeOutcome outcome = attempts_[index].probe->HandleEcho(from)) {
      EndAttempt(index, *outcome);
    }
  };
  for (int i = 0; i < event_count_; ++i) {
    const uint64_t tag = events_[i].data.u64;
    if (tag == kWakeTag) {
      uint64_t count;
      [[maybe_unused]] const ssize_t taken = read(wake_.get(), &count, sizeof(count));
    } else if (tag == kEcho4Tag || tag == kEcho6Tag) {
      echo_->Receive(tag == kEcho4Tag ? Family::kIpv4 : Family::kIpv6, kEchoesAtOnce, take_echo);
    } else if (tag == kTunnelTag) {
      if (tunnel_) tunnel_->HandleReady();
    } else if (const uint32_t index = attempts_.Find(tag); index != Attempts::kNone) {
      if (const MaybeOutcome outcome = attempts_[index].probe->HandleReady()) {
        EndAttempt(index, *outcome);
      }
    }
  }
  event_count_ = 0;
}

void HealthEngine::HandleTimers() {
  const int64_t now_ns = NowNs();
  while (const std::optional<Timer> timer = timers_.TakeDue(now_ns)) {
    if (timer->kind == Timer::Kind::kTimeout) {
      const uint32_t index = attempts_.Find(Attempts::Ticket(timer->index, timer->generation));
      if (index == Attempts::kNone) continue;
      const Attempt& attempt = attempts_[index];
      EndAttempt(index,
                 attempt.probe->TimedOut(decoding::FormatSpan(attempt.target->check.timeout)));
    } else if (attempts_.full()) {
      deferred_.push_back(*timer);
      last_shortage_ns_ = now_ns;
    } else if (checks_[timer->index].generation == timer->generation) {
      StartRound(timer->index, timer->at_ns);
    }
  }
}

void HealthEngine::StartDeferred() {
  while (!deferred_.empty() && !attempts_.full()) {
    const Timer timer = deferred_.front();
    deferred_.pop_front();
    if (checks_[timer.index].generation == timer.generation) StartRound(timer.index, timer.at_ns);
  }
}

void HealthEngine::StartRound(uint32_t index, int64_t due_ns) {
  ScheduleNext(index, due_ns, NowNs());
  ++stats_.started;
  Check& check = checks_[index];
  check.answered = false;
  check.conclusive = check.tries_path;
  check.starting = true;  // an attempt may end at once, but not the round
  const HealthTarget& target = *check.target;
  StartAttempt(index, AttemptRole::kCheck, MakeProbe(target, *check.way, tls_));
  if (check.tries_path) {
    const HealthKind kind = target.check.kind;
    const bool connects = kind != HealthKind::kIcmp && kind != HealthKind::kUdp;
    if (kind != HealthKind::kIcmp)
      StartAttempt(index, AttemptRole::kPing, MakeEchoProbe(*check.way));
    if (!connects && target.path_port != 0) {
      StartAttempt(index, AttemptRole::kConnect, MakeTcpProbe(*check.way, target.path_port));
    }
  }
  check.starting = false;
  if (check.in_flight.empty()) EndRound(index);
}

void HealthEngine::EndRound(uint32_t index) {
  Check& check = checks_[index];
  check.history.TakeRound(check.answered, check.conclusive);
  check.tries_path = !check.answered;
  Judge(check.watched);
}

// A check keeps its place in the interval, whatever its answers take; one that began late goes on
// from there, so that no crowd follows.
void HealthEngine::ScheduleNext(uint32_t index, int64_t due_ns, int64_t now_ns) {
  const Check& check = checks_[index];
  const Health& health = check.target->check;
  const auto interval_ns = static_cast<double>(absl::ToInt64Nanoseconds(health.interval));
  const int64_t timeout_ns = absl::ToInt64Nanoseconds(health.timeout);
  int64_t base_ns = due_ns;
  if (static_cast<double>(now_ns - due_ns) > interval_ns / 2) {
    ++stats_.late;
    base_ns = now_ns;
  }
  const double pace = check.history.nearly_passing() ? kSoon : 1.0;
  const auto step_ns =
      static_cast<int64_t>(interval_ns * pace * absl::Uniform(random_, 1 - kJitter, 1 + kJitter));
  // Never two rounds of one check at once.
  timers_.Add({.at_ns = std::max(base_ns + step_ns, now_ns + timeout_ns + 1),
               .kind = Timer::Kind::kStart,
               .index = index,
               .generation = check.generation});
}

// Soon, but many new ones spread over their interval.
int64_t HealthEngine::FirstStart(absl::Duration interval) {
  const int64_t now_ns = NowNs();
  const int64_t next_ns = std::max(now_ns, first_start_ns_ + kFirstSpacingNs);
  const int64_t latest_ns = now_ns + absl::ToInt64Nanoseconds(interval);
  first_start_ns_ = next_ns <= latest_ns ? next_ns : now_ns;
  return first_start_ns_;
}

void HealthEngine::OpenTunnel() {
  absl::StatusOr<std::unique_ptr<HealthTunnel>> tunnel = HealthTunnel::Open(
      tunnel_options_,
      [epoll = epoll_.get()](int fd) { Watch(epoll, fd, kTunnelTag).IgnoreError(); });
  tunnel_retry_ns_ = NowNs() + kTunnelRetryNs;
  tunnel_status_ = tunnel.status();
  if (tunnel.ok()) tunnel_ = *std::move(tunnel);
}

void HealthEngine::RetryTunnel() {
  const int64_t now_ns = NowNs();
  if (tunnel_) {
    if (now_ns < tunnel_tick_ns_) return;
    tunnel_tick_ns_ = now_ns + kTunnelTickNs;
    tunnel_->Tick(absl::Now());
    return;
  }
  if (now_ns >= tunnel_retry_ns_) {
    OpenTunnel();
    if (tunnel_) ConfigureTunnel();
  }
  wait_until_ns_ = std::min(wait_until_ns_.value_or(tunnel_retry_ns_), tunnel_retry_ns_);
}

bool HealthEngine::IsShort() const { return NowNs() - last_shortage_ns_ < kShortageShownNs; }

void HealthEngine::StartAttempt(uint32_t check, AttemptRole role, std::unique_ptr<Probe> probe) {
  const HealthTargetPtr& target = checks_[check].target;
  const int64_t now_ns = NowNs();
  const uint32_t index = attempts_.Add({.probe = std::move(probe),
                                        .target = target,
                                        .check = check,
                                        .role = role,
                                        .started_ns = now_ns});
  checks_[check].in_flight.push_back(index);
  if (const MaybeOutcome outcome = attempts_.Start(index)) {
    EndAttempt(index, *outcome);
    return;
  }
  timers_.Add({.at_ns = now_ns + absl::ToInt64Nanoseconds(target->check.timeout),
               .kind = Timer::Kind::kTimeout,
               .index = index,
               .generation = attempts_[index].generation});
}

void HealthEngine::EndAttempt(uint32_t index, const ProbeOutcome& outcome) {
  using Kind = ProbeOutcome::Kind;
  const Attempt& attempt = attempts_[index];
  const uint32_t check_index = attempt.check;
  Check& check = checks_[check_index];
  check.answered |= outcome.answered;
  check.conclusive &= outcome.kind != Kind::kUndecided;
  if (attempt.role == AttemptRole::kCheck) {
    check.rtt = outcome.kind == Kind::kPassed ? absl::Nanoseconds(NowNs() - attempt.started_ns)
                                              : absl::ZeroDuration();
    check.history.Take(outcome);
    ++check.ended;
    ++(outcome.kind == Kind::kPassed   ? stats_.passed
       : outcome.kind == Kind::kFailed ? stats_.failed
                                       : stats_.undecided);
  }
  std::erase(check.in_flight, index);
  attempts_.End(index);
  if (check.in_flight.empty() && !check.starting) {
    EndRound(check_index);
  } else {
    Judge(check.watched);
  }
}

}  // namespace evenkeel
