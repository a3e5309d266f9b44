#include "tools/evenkeel/live_look.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/live_screen.h"

namespace evenkeel::cli {
namespace {

struct Pace {
  absl::Duration interval = absl::Seconds(1);
  int64_t count = 0;  // 0: without end

  bool Ended(int64_t done) const { return count != 0 && done >= count; }
};

std::optional<Failure> ReadPace(const Arguments& arguments, Pace& pace) {
  if (arguments.Has("count")) pace.count = arguments.Get("count").whole;
  if (!arguments.Has("interval")) return std::nullopt;
  const FlagValue& interval = arguments.Get("interval");
  if (interval.duration < absl::Milliseconds(100) || interval.duration > absl::Hours(1)) {
    return UsageFailure(absl::StrCat("--interval=", interval.text, " is out of bounds"),
                        "write a duration from 100ms to 1h");
  }
  pace.interval = interval.duration;
  return std::nullopt;
}

std::optional<Failure> Look(Client& client, TopSample& sample) {
  if (auto failure = client.Call(v1::StatusRequest(), sample.status)) return failure;
  if (auto failure = client.Call(v1::BackendsRequest(), sample.backends)) return failure;
  sample.taken = absl::Now();
  return std::nullopt;
}

// Every line covers one interval, so the first comes after it.
ExitStatus RunLines(Client& client, const Pace& pace, TopSample before, Console& console,
                    const LiveView& view) {
  EndQuietlyOnSignals();
  for (int64_t done = 0; !pace.Ended(done); ++done) {
    absl::SleepFor(before.taken + pace.interval - absl::Now());
    TopSample now;
    if (auto failure = Look(client, now)) {
      if (!console.json()) return console.Fail(*failure);
      console.PrintJsonLine(ToJson(*failure));
      return failure->exit;
    }
    console.PrintJsonLine(view.line(before, now));
    if (!console.out()) return ExitStatus::kRefused;
    before = std::move(now);
  }
  return ExitStatus::kDone;
}

// A daemon that restarts does not end the display: packets flow without it, and it will be back.
ExitStatus RunScreen(Client& client, const Pace& pace, TopSample now, const LiveView& view) {
  std::optional<TopSample> before;
  std::string notice;
  LiveScreen screen;
  for (int64_t done = 0;; ++done) {
    const absl::Time next = absl::Now() + pace.interval;
    LiveScreen::Event event;
    do {
      screen.Draw(
          view.screen(before ? &*before : nullptr, now, notice, CurrentSize(STDOUT_FILENO)));
      if (pace.Ended(done)) return ExitStatus::kDone;
      event = screen.WaitUntil(next);
    } while (event == LiveScreen::Event::kResized);
    if (event == LiveScreen::Event::kQuit) return ExitStatus::kDone;
    TopSample later;
    if (auto failure = Look(client, later)) {
      notice = absl::StrCat("not current: ", failure->message);
      continue;
    }
    notice.clear();
    before = std::move(now);
    now = std::move(later);
  }
}

}  // namespace

ExitStatus RunLive(const Arguments& arguments, Console& console, const LiveView& view) {
  Pace pace;
  if (auto failure = ReadPace(arguments, pace)) return console.Fail(*failure);
  Client client(arguments.socket, arguments.timeout);
  TopSample first;
  if (auto failure = Look(client, first)) return console.Fail(*failure);
  const bool in_place = console.terminal().interactive && !console.json();
  return in_place ? RunScreen(client, pace, std::move(first), view)
                  : RunLines(client, pace, std::move(first), console, view);
}

}  // namespace evenkeel::cli
