// evenkeel top: every interval a look at all backends; on a terminal in place, else one object a
// line.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/live_screen.h"
#include "tools/evenkeel/top_frame.h"
#include "tools/evenkeel/top_view.h"

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
ExitStatus RunLines(Client& client, const Pace& pace, TopSample before, Console& console) {
  EndQuietlyOnSignals();
  for (int64_t done = 0; !pace.Ended(done); ++done) {
    absl::SleepFor(before.taken + pace.interval - absl::Now());
    TopSample now;
    if (auto failure = Look(client, now)) {
      if (!console.json()) return console.Fail(*failure);
      console.PrintJsonLine(ToJson(*failure));
      return failure->exit;
    }
    console.PrintJsonLine(ToJson(MakeTopFrame(&before, now)));
    if (!console.out()) return ExitStatus::kRefused;
    before = std::move(now);
  }
  return ExitStatus::kDone;
}

// A daemon that restarts does not end the display: packets flow without it, and it will be back.
ExitStatus RunScreen(Client& client, const Pace& pace, TopSample sample, Console& console) {
  TopFrame frame = MakeTopFrame(nullptr, sample);
  std::string notice;
  LiveScreen screen;
  for (int64_t done = 0;; ++done) {
    const absl::Time next = absl::Now() + pace.interval;
    LiveScreen::Event event;
    do {
      screen.Draw(RenderTop(frame, notice, CurrentSize(STDOUT_FILENO), console.terminal()));
      if (pace.Ended(done)) return ExitStatus::kDone;
      event = screen.WaitUntil(next);
    } while (event == LiveScreen::Event::kResized);
    if (event == LiveScreen::Event::kQuit) return ExitStatus::kDone;
    TopSample now;
    if (auto failure = Look(client, now)) {
      notice = absl::StrCat("not current: ", failure->message);
      continue;
    }
    notice.clear();
    frame = MakeTopFrame(&sample, now);
    sample = std::move(now);
  }
}

}  // namespace

ExitStatus RunTop(const Arguments& arguments, Console& console) {
  Pace pace;
  if (auto failure = ReadPace(arguments, pace)) return console.Fail(*failure);
  Client client(arguments.socket, arguments.timeout);
  TopSample first;
  if (auto failure = Look(client, first)) return console.Fail(*failure);
  const bool in_place = console.terminal().interactive && !console.json();
  return in_place ? RunScreen(client, pace, std::move(first), console)
                  : RunLines(client, pace, std::move(first), console);
}

}  // namespace evenkeel::cli
