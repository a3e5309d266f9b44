#include "tools/evenkeel/live_screen.h"

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace evenkeel::cli {
namespace {

constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";
constexpr int kEndingSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

// What the handlers need. Written before they are installed, and by SIGCONT's.
bool keys_changed = false;
termios keys_before;
termios keys_live;
volatile sig_atomic_t redraw = 0;

// Async-signal-safe. A terminal that has gone away cannot be told anything.
void WriteAll(const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDOUT_FILENO, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    size -= static_cast<size_t>(written);
  }
}

void Enter() {
  if (keys_changed) tcsetattr(STDIN_FILENO, TCSANOW, &keys_live);
  WriteAll(kEnter, sizeof(kEnter) - 1);
}

void Leave() {
  WriteAll(kLeave, sizeof(kLeave) - 1);
  if (keys_changed) tcsetattr(STDIN_FILENO, TCSANOW, &keys_before);
}

void EndOnSignal(int signal) {
  Leave();
  // Being told to end is how a live verb ends; a crash or a broken pipe is not.
  const bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  _exit(asked ? 0 : 128 + signal);
}

void StopOnSignal(int) {
  const int error = errno;
  Leave();
  raise(SIGSTOP);
  // Here again after SIGCONT.
  Enter();
  redraw = 1;
  errno = error;
}

void ResizeOnSignal(int) { redraw = 1; }

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void LearnKeys() {
  keys_changed = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &keys_before) == 0;
  if (!keys_changed) return;
  keys_live = keys_before;
  keys_live.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys_live.c_cc[VMIN] = 0;
  keys_live.c_cc[VTIME] = 0;
}

// Whether q is among the keys that wait to be read.
bool QuitKeyPressed() {
  char keys[64];
  const ssize_t count = read(STDIN_FILENO, keys, sizeof(keys));
  return count > 0 && std::find(keys, keys + count, 'q') != keys + count;
}

}  // namespace

LiveScreen::LiveScreen() {
  LearnKeys();
  for (const int signal : kEndingSignals) Handle(signal, EndOnSignal);
  Handle(SIGTSTP, StopOnSignal);
  Handle(SIGWINCH, ResizeOnSignal);
  Enter();
}

LiveScreen::~LiveScreen() {
  Leave();
  for (const int signal : kEndingSignals) Handle(signal, SIG_DFL);
  Handle(SIGTSTP, SIG_DFL);
  Handle(SIGWINCH, SIG_DFL);
}

void LiveScreen::Draw(const std::vector<std::string>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    // The rest of each line, then the rest of the screen, may hold the frame before.
    absl::StrAppend(&text, i == 0 ? "" : "\r\n", lines[i], "\x1b[K");
  }
  text += "\x1b[J";
  WriteAll(text.data(), text.size());
}

LiveScreen::Event LiveScreen::WaitUntil(absl::Time deadline) {
  for (;;) {
    if (redraw != 0) {
      redraw = 0;
      return Event::kResized;
    }
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return Event::kTime;
    // Signals interrupt poll(); one that comes just before it is seen after 100 ms at most.
    pollfd input{.fd = keys_changed ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
    const auto wait = std::min(left, absl::Milliseconds(100)) + absl::Milliseconds(1);
    if (poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(wait))) > 0) {
      if ((input.revents & (POLLHUP | POLLERR)) != 0 || QuitKeyPressed()) return Event::kQuit;
    }
  }
}

void EndQuietlyOnSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) Handle(signal, [](int) { _exit(0); });
}

}  // namespace evenkeel::cli
