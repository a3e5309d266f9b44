#include "tools/evenkeel/trial_wait.h"

#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/evenkeel/client.h"

namespace evenkeel::cli {
namespace {

// One question; short, so that a daemon that hangs or is stopped is left for its successor.
constexpr absl::Duration kQuestion = absl::Seconds(2);
constexpr absl::Duration kPause = absl::Milliseconds(100);

// CLOCK_BOOTTIME: a step of the wall clock neither ends nor prolongs a trial.
absl::Duration BootClock() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace

std::optional<Failure> AwaitTrialEnd(const Arguments& arguments, absl::Duration margin,
                                     v1::ApplyReply& reply) {
  const int64_t revision = reply.result().revision();
  const absl::Duration give_up = BootClock() + absl::Seconds(reply.seconds_left()) + margin;
  Client client(arguments.socket, std::min(arguments.timeout, kQuestion));
  v1::AwaitTrialRequest request;
  request.set_revision(revision);
  request.set_wait_seconds(absl::ToDoubleSeconds(std::min(arguments.timeout, kQuestion) / 4));
  while (true) {
    v1::ApplyReply answer;
    const std::optional<Failure> failure = client.Call(request, answer);
    const bool silent = failure && failure->exit == ExitStatus::kNoDaemon;
    if (failure && !silent) return failure;
    if (!failure && answer.result().state() != "trial") {
      *answer.mutable_findings() = reply.findings();
      reply = std::move(answer);
      return std::nullopt;
    }
    if (BootClock() > give_up) {
      return Failure{ExitStatus::kNoDaemon, "unavailable",
                     absl::StrCat("how the trial of revision ", revision, " ended is not known: ",
                                  silent ? failure->message
                                         : "evenkeeld still has it open after its deadline"),
                     "the planes have gone back by themselves unless it was confirmed; ask "
                     "evenkeel status"};
    }
    absl::SleepFor(kPause);
  }
}

}  // namespace evenkeel::cli
