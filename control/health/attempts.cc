#include "control/health/attempts.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/health/socket.h"

namespace evenkeel {

uint32_t Attempts::Add(Attempt attempt) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(attempts_.size()));
    attempts_.emplace_back();
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  attempt.generation = attempts_[index].generation;
  attempts_[index] = std::move(attempt);
  return index;
}

MaybeOutcome Attempts::Start(uint32_t index) {
  Attempt& attempt = attempts_[index];
  const uint64_t ticket = Ticket(index, attempt.generation);
  MaybeOutcome outcome = attempt.probe->Start(ticket);
  const int fd = attempt.probe->fd();
  if (fd >= 0) ++descriptors_;
  if (outcome || fd < 0) return outcome;
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = ticket}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return std::nullopt;
  return ProbeOutcome::Undecided(absl::StrCat("cannot watch a socket: ", ErrnoText(errno)));
}

void Attempts::End(uint32_t index) {
  Attempt& attempt = attempts_[index];
  if (attempt.probe->fd() >= 0) --descriptors_;
  attempt.probe.reset();  // closes, which also ends the watching
  attempt.target.reset();
  ++attempt.generation;
  free_.push_back(index);
}

uint32_t Attempts::Find(uint64_t ticket) const {
  const auto index = static_cast<uint32_t>(ticket);
  if (index >= attempts_.size() || !attempts_[index].probe) return kNone;
  return attempts_[index].generation == ticket >> 32 ? index : kNone;
}

}  // namespace evenkeel
