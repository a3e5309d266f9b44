// The terminal while a live verb owns it: alternate screen, no cursor, keys without echo.
//
// One at a time, in main's thread. Whatever ends the process by a catchable signal, Ctrl-Z and a
// change of the window's size included, finds the terminal as it was: the handlers only call what
// is async-signal-safe.
//
//   LiveScreen screen;
//   do {
//     screen.Draw(RenderTop(...));
//   } while (screen.Wait(interval) != LiveScreen::Event::kQuit);
#ifndef TOOLS_EVENKEEL_LIVE_SCREEN_H_
#define TOOLS_EVENKEEL_LIVE_SCREEN_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace evenkeel::cli {

class LiveScreen {
 public:
  // Standard output is a terminal; standard input need not be.
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Overwrites in place, without a blank moment. No more lines than the terminal has.
  void Draw(const std::vector<std::string>& lines);

  enum class Event { kTime, kResized, kQuit };
  // Until `deadline`, q, or a new size (also after the process was stopped and continued).
  Event WaitUntil(absl::Time deadline);
};

// For a live verb that writes lines: SIGINT, SIGTERM and SIGHUP end it with status 0, since there
// is no other way to end it.
void EndQuietlyOnSignals();

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_LIVE_SCREEN_H_
