// evenkeel-decap: runs on a backend and takes the load balancer's outer header off its packets.
//
//   evenkeel-decap --interface=eth0 --vips=203.0.113.0/24,2001:db8:113::/48
//
// Stays in the foreground until SIGINT or SIGTERM. SIGUSR1 prints the counters to standard error.
// Ends with 0 when stopped by a signal, 1 when it failed, 2 when it was called wrongly.

#include <gflags/gflags.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/evenkeel-decap/addresses.h"
#include "tools/evenkeel-decap/decapsulator.h"
#include "tools/evenkeel-decap/flag_words.h"
#include "tools/evenkeel-decap/statistics.h"

DEFINE_string(interface, "", "the interface that tunnelled packets come in by; required");
DEFINE_string(xdp_mode, "native", "native (in the driver) or generic (any driver, slower)");
DEFINE_string(addresses, "",
              "outer destinations to unwrap, separated by commas; default: the addresses that the "
              "interface has at start-up");
DEFINE_string(vips, "",
              "prefixes that inner destinations must lie in, separated by commas; default: any");
DEFINE_int32(stats_interval, 0, "seconds between two lines of counters; 0: only on SIGUSR1");

namespace google {
// Not in gflags' header, but exported: what it calls after a bad flag. It exits with 1 by default.
extern void (*gflags_exitfunc)(int);
}  // namespace google

namespace evenkeel::decap {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kCheckIntervalSeconds = 2;
constexpr int kStatsIntervalMax = 86400;

enum class Level { kError = 3, kInfo = 6 };  // syslog's numbers, which journald reads as <N>

// Events of a running program, in the form of the other daemons.
void Log(Level level, const std::string& text) {
  static const bool journal = getenv("JOURNAL_STREAM") != nullptr;
  const std::string head =
      journal
          ? absl::StrCat("<", static_cast<int>(level), ">")
          : absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
                         level == Level::kError ? " error " : " info ");
  std::fprintf(stderr, "%sdecap: %s\n", head.c_str(), text.c_str());
}

// Why it did not even start: an answer to the one who called it.
int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "evenkeel-decap: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

absl::StatusOr<DecapsulatorOptions> OptionsFromFlags() {
  DecapsulatorOptions options;
  if (FLAGS_interface.empty()) {
    return absl::InvalidArgumentError("--interface=NAME is required");
  }
  options.interface = FLAGS_interface;
  if (FLAGS_xdp_mode != "native" && FLAGS_xdp_mode != "generic") {
    return absl::InvalidArgumentError(
        absl::StrCat("--xdp-mode=", FLAGS_xdp_mode, ": must be native or generic"));
  }
  options.mode = FLAGS_xdp_mode == "native" ? XdpMode::kNative : XdpMode::kGeneric;
  if (FLAGS_stats_interval < 0 || FLAGS_stats_interval > kStatsIntervalMax) {
    return absl::InvalidArgumentError(absl::StrCat("--stats-interval=", FLAGS_stats_interval,
                                                   ": must be 0 to ", kStatsIntervalMax));
  }
  absl::StatusOr<std::vector<decap_prefix>> vips = ParsePrefixes(FLAGS_vips);
  if (!vips.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--vips: ", vips.status().message()));
  }
  options.vips = *std::move(vips);
  absl::StatusOr<std::vector<decap_address>> addresses = ParseAddresses(FLAGS_addresses);
  if (!addresses.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--addresses: ", addresses.status().message()));
  }
  options.local_addresses = *std::move(addresses);
  return options;
}

// A missing interface has no addresses; Attach() says so better than an error from here would.
absl::Status AddInterfaceAddresses(DecapsulatorOptions* options) {
  if (!options->local_addresses.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<decap_address>> own = AddressesOfInterface(options->interface);
  if (!own.ok()) return own.status();
  options->local_addresses = *std::move(own);
  return absl::OkStatus();
}

void LogOutcomes(const Decapsulator& decapsulator) {
  absl::StatusOr<Outcomes> outcomes = decapsulator.ReadOutcomes();
  if (outcomes.ok()) {
    Log(Level::kInfo, FormatOutcomes(*outcomes));
  } else {
    Log(Level::kError, std::string(outcomes.status().message()));
  }
}

// Returns when a signal asks for the end (Ok), or when the program is no longer attached.
absl::Status RunUntilSignal(const Decapsulator& decapsulator, const sigset_t& signals) {
  const timespec interval = {.tv_sec = kCheckIntervalSeconds, .tv_nsec = 0};
  time_t last_stats = time(nullptr);
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGINT || signal == SIGTERM) return absl::OkStatus();
    if (signal == SIGUSR1) LogOutcomes(decapsulator);
    if (absl::Status attached = decapsulator.CheckAttached(); !attached.ok()) return attached;
    if (FLAGS_stats_interval > 0 && time(nullptr) - last_stats >= FLAGS_stats_interval) {
      last_stats = time(nullptr);
      LogOutcomes(decapsulator);
    }
  }
}

int Run() {
  absl::StatusOr<DecapsulatorOptions> options = OptionsFromFlags();
  absl::Status ready = options.status();
  if (ready.ok()) ready = AddInterfaceAddresses(&*options);
  if (!ready.ok()) return Refuse(ready);

  // Blocked before the program is attached: a signal in between must not leave us half set up.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  absl::StatusOr<Decapsulator> decapsulator = Decapsulator::Attach(*options);
  if (!decapsulator.ok()) return Refuse(decapsulator.status());
  Log(Level::kInfo,
      absl::StrCat("attached to ", options->interface, " (", FLAGS_xdp_mode, "), unwrapping for ",
                   absl::StrJoin(options->local_addresses, " ",
                                 [](std::string* out, const decap_address& address) {
                                   absl::StrAppend(out, ToString(address));
                                 })));
  const absl::Status ended = RunUntilSignal(*decapsulator, signals);
  LogOutcomes(*decapsulator);
  if (!ended.ok()) {
    Log(Level::kError, std::string(ended.message()));
    return kExitFailed;
  }
  return 0;
}

int Main(int argc, char** argv) {
  google::gflags_exitfunc = [](int) { _exit(kExitUsage); };
  gflags::SetUsageMessage(
      "--interface=NAME [--xdp-mode=native|generic] [--vips=PREFIX,…] [--addresses=ADDRESS,…]");
  absl::StatusOr<std::vector<std::string>> words = WithFlagfiles({argv, argv + argc});
  if (!words.ok()) return Refuse(words.status());
  std::vector<char*> pointers;
  for (std::string& word : *words) pointers.push_back(word.data());
  argc = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  argv = pointers.data();
  gflags::ParseCommandLineNonHelpFlags(&argc, &argv, true);
  for (const char* help : {"help", "helpshort", "helpfull"}) {
    if (gflags::GetCommandLineFlagInfoOrDie(help).current_value == "true") {
      gflags::ShowUsageWithFlagsRestrict(argv[0], "evenkeel-decap");
      return 0;
    }
  }
  if (argc > 1) {
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", argv[1], "\": see --help")));
  }
  return Run();
}

}  // namespace
}  // namespace evenkeel::decap

int main(int argc, char** argv) { return evenkeel::decap::Main(argc, argv); }
