// evenkeeld: the control daemon. Owns process lifetime and nothing else.
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "control/app/daemon.h"
#include "control/app/flags.h"
#include "control/app/log.h"
#include "control/version.h"
#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

constexpr int kFailed = 1;
constexpr int kCalledWrongly = 2;

// Every thread inherits the mask, so signals are taken by main's sigwait() alone.
sigset_t BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

void WaitForEnd(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0) {
    if (signal != SIGHUP) break;
    LogInfo("app", "SIGHUP: nothing is reloaded by a signal; changes are made by evenkeel apply");
  }
  LogInfo("app", "stopped by ", signal == SIGTERM ? "SIGTERM" : "SIGINT",
          "; the planes forward on by themselves");
}

int Main(int argc, char** argv) {
  const absl::StatusOr<Settings> settings = ParseCommandLine(argc, argv);
  if (!settings.ok()) {
    fprintf(stderr, "evenkeeld: %s\n", std::string(settings.status().message()).c_str());
    return kCalledWrongly;
  }
  if (settings->show_help) {
    fputs(HelpText().c_str(), stdout);
    return 0;
  }
  if (settings->show_version) {
    printf("evenkeeld %s %s\n", kVersion, kCommit);
    return 0;
  }
  umask(077);
  // gRPC's threads come and go; an arena for each would grow the heap with every call.
  mallopt(M_ARENA_MAX, 2);
  const sigset_t signals = BlockSignals();
  if (absl::Status s = RaiseDescriptorLimit(); !s.ok()) LogWarning("app", s.message());

  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(*settings);
  if (!daemon.ok()) {
    LogError("app", daemon.status().message());
    return kFailed;
  }
  WaitForEnd(signals);
  return 0;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
