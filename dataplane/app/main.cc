// evenkeel-dataplane: owns everything, starts it in order, ends it in the reverse order.
//
// Exit status: 0 stopped by a signal, 1 failed, 2 called wrongly.
#include <rte_launch.h>
#include <rte_lcore.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "dataplane/app/eal.h"
#include "dataplane/app/flags.h"
#include "dataplane/app/forwarding_check.h"
#include "dataplane/app/log.h"
#include "dataplane/app/manager.h"
#include "dataplane/port/find_port.h"
#include "dataplane/port/interface_mtu.h"
#include "dataplane/port/port.h"
#include "dataplane/slow_path/kernel_queues.h"
#include "dataplane/slow_path/tap.h"
#include "dataplane/table/flow_directory.h"
#include "dataplane/table/region.h"
#include "dataplane/worker/plane.h"
#include "dataplane/worker/worker_loop.h"

namespace evenkeel {
namespace {

constexpr const char* kAutomaticTap = "evk0";
constexpr absl::Duration kWorkersEndBound = absl::Milliseconds(800);

// Blocked in every thread that starts later, EAL's included, so that only the manager hears of
// them.
UniqueFd CatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

// Empty: no tap. The kernel has its own copy of an af_packet port's frames, and software ports of
// the memif, ring and file kind have no kernel behind them.
std::string TapName(const Settings& settings, const FoundPort& port) {
  if (settings.tap == "none" || port.kernel_sees_frames()) return "";
  if (settings.tap != "auto") return settings.tap;
  return port.is_virtual ? "" : kAutomaticTap;
}

void DescribeSlowPath(const FoundPort& port, const std::string& tap) {
  if (port.kernel_sees_frames()) {
    const std::string interface = InterfaceName(port.interface_index);
    LogInfo("slow path", "the kernel has its own copy of every frame of ", interface,
            "; packets for it are counted as passed and not handed over again");
    for (const std::string& warning : KernelForwardingWarnings(interface)) {
      LogWarning("slow path", warning);
    }
  } else if (!tap.empty()) {
    LogInfo("slow path", "packets for the kernel go to ", tap,
            "; the node's addresses belong there");
  } else {
    LogInfo("slow path",
            "no kernel behind this port: packets for it are counted as passed and end "
            "here (--tap=NAME gives them a device)");
  }
}

// Runs the workers on their lcores for as long as it lives.
class RunningWorkers {
 public:
  RunningWorkers(const std::vector<unsigned>& lcores, const std::vector<WorkerConfig>& configs,
                 Plane* plane)
      : lcores_(lcores) {
    for (size_t i = 0; i < lcores_.size(); ++i) {
      workers_.push_back(std::make_unique<Worker>(configs[i], plane));
      rte_eal_remote_launch(&RunningWorkers::RunOne, workers_.back().get(), lcores_[i]);
    }
  }

  // False when one did not end in time: its buffers and tables must then be left alone.
  bool Stop() {
    for (const auto& worker : workers_) worker->Stop();
    const absl::Time deadline = absl::Now() + kWorkersEndBound;
    for (size_t i = 0; i < lcores_.size(); ++i) {
      while (rte_eal_get_lcore_state(lcores_[i]) == RUNNING) {
        if (absl::Now() > deadline) {
          LogError("worker", "worker ", i, " on lcore ", lcores_[i], " does not end");
          return false;
        }
        absl::SleepFor(absl::Microseconds(100));
      }
      rte_eal_wait_lcore(lcores_[i]);
    }
    return true;
  }

 private:
  static int RunOne(void* worker) {
    static_cast<Worker*>(worker)->Run();
    return 0;
  }

  const std::vector<unsigned> lcores_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

std::vector<WorkerConfig> WorkerConfigs(const Settings& settings, const Port& port, size_t workers,
                                        const KernelQueues* queues) {
  std::vector<WorkerConfig> configs;
  for (uint32_t i = 0; i < workers; ++i) {
    WorkerConfig config;
    config.index = i;
    config.workers = static_cast<uint32_t>(workers);
    config.port = port.id();
    config.polling = settings.polling;
    config.to_kernel = queues != nullptr ? queues->to_kernel() : nullptr;
    config.from_kernel = queues != nullptr && i == 0 ? queues->from_kernel() : nullptr;
    configs.push_back(config);
  }
  return configs;
}

absl::Status TrackFlows(const Settings& settings, Plane* plane) {
  if (settings.flow_table_entries == 0) {
    LogWarning("flows", "are not tracked: connections break with every change of the backends");
    return absl::OkStatus();
  }
  absl::StatusOr<FlowTables> tables = TakeFlowTables(
      settings.flow_dir, settings.flow_table_entries / LB_FLOW_WAYS, plane->worker_count());
  if (!tables.ok()) {
    return absl::Status(
        tables.status().code(),
        absl::StrCat(tables.status().message(), "; --flow-dir names another directory"));
  }
  if (!tables->note.empty()) LogInfo("flows", tables->note);
  plane->TrackFlows(std::move(tables->regions));
  return absl::OkStatus();
}

void ReportEnd(const Plane& plane, const Mempool& mempool) {
  StatsSnapshot stats;
  plane.FillStats({}, &stats);
  uint64_t verdicts[LB_VERDICTS] = {};
  for (int reason = 0; reason < LB_REASON_COUNT; ++reason) {
    verdicts[lb_reason_verdict(static_cast<lb_reason>(reason))] += stats.reasons[reason];
  }
  LogInfo("plane", "received ", stats.received, ": forwarded ", verdicts[LB_FORWARD], ", replied ",
          verdicts[LB_REPLY], ", passed ", verdicts[LB_PASS], ", dropped ", verdicts[LB_DROP]);
  LogInfo("mempool", mempool.in_use(), " of ", mempool.size(), " buffers still out");
}

absl::Status RunPlane(const Settings& settings, int signal_fd) {
  absl::StatusOr<std::unique_ptr<Eal>> eal = Eal::Start(settings.eal_arguments);
  if (!eal.ok()) return eal.status();
  absl::StatusOr<std::vector<unsigned>> lcores = (*eal)->WorkerLcores(settings.workers);
  if (!lcores.ok()) return lcores.status();
  absl::StatusOr<FoundPort> found = FindPort(settings.port);
  if (!found.ok()) {
    return absl::NotFoundError(
        absl::StrCat(found.status().message(),
                     (*eal)->complaint().empty()
                         ? ""
                         : absl::StrCat("; EAL said: ", (*eal)->complaint(), PrivilegeHint())));
  }
  const std::string tap_name = TapName(settings, *found);

  PortOptions port_options;
  port_options.workers = static_cast<uint16_t>(lcores->size());
  port_options.rx_descriptors = settings.rx_descriptors;
  port_options.tx_descriptors = settings.tx_descriptors;
  port_options.mbufs = settings.mbufs;
  port_options.mtu = settings.mtu;
  port_options.all_multicast = !tap_name.empty();
  port_options.kernel_queues = tap_name.empty() ? 0 : 2 * KernelQueues::kPlaces;
  absl::StatusOr<std::unique_ptr<Port>> port = Port::Start(*found, port_options);
  if (!port.ok()) return port.status();
  for (const std::string& fact : (*port)->facts()) LogInfo("port", fact);

  std::unique_ptr<KernelQueues> queues;
  std::unique_ptr<Tap> tap;
  if (!tap_name.empty()) {
    auto made = KernelQueues::Create(SOCKET_ID_ANY);
    if (!made.ok()) return made.status();
    queues = *std::move(made);
    auto opened =
        Tap::Open({tap_name, (*port)->mac(), settings.mtu}, queues.get(), (*port)->mempool().get());
    if (!opened.ok()) return opened.status();
    tap = *std::move(opened);
  }
  DescribeSlowPath(*found, tap_name);

  Plane plane(static_cast<uint32_t>(lcores->size()), (*port)->mac());
  absl::StatusOr<SampleMemory> samples = SampleMemory::Create(plane.worker_count());
  if (!samples.ok()) return samples.status();
  Manager::Options options{settings.socket,
                           settings.state_dir,
                           *lcores,
                           tap != nullptr ? tap->interface_index() : found->interface_index,
                           settings.flow_table_entries == 0 ? "" : settings.flow_dir,
                           samples->fd()};
  plane.SampleTo(*std::move(samples));
  absl::StatusOr<std::unique_ptr<Manager>> manager = Manager::Create(options, &plane, port->get());
  if (!manager.ok()) return manager.status();
  // Only now, when no other dataplane has the socket, are the tables this one's.
  if (absl::Status s = TrackFlows(settings, &plane); !s.ok()) return s;

  RunningWorkers workers(*lcores, WorkerConfigs(settings, **port, lcores->size(), queues.get()),
                         &plane);
  LogInfo("plane", "runs ", lcores->size(), lcores->size() == 1 ? " worker" : " workers",
          " on lcores ", absl::StrJoin(*lcores, ", "), "; control is awaited at ", settings.socket);
  const int signal_number = (*manager)->Run(signal_fd);
  LogInfo("plane", "ends: ", strsignal(signal_number));

  if (!workers.Stop()) _exit(1);
  manager->reset();
  tap.reset();
  (*port)->Stop();
  queues.reset();
  ReportEnd(plane, (*port)->mempool());
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  absl::StatusOr<Settings> settings = ParseCommandLine(argc, argv);
  if (!settings.ok()) {
    LogError("start", settings.status().message());
    return 2;
  }
  if (settings->show_help) {
    fputs(HelpText().c_str(), stdout);
    return 0;
  }
  if (settings->show_version) {
    puts("evenkeel-dataplane " EVENKEEL_VERSION);
    return 0;
  }
  const UniqueFd signals = CatchSignals();
  if (absl::Status s = RaiseDescriptorLimit(); !s.ok()) LogWarning("start", s.message());
  if (absl::Status s = RunPlane(*settings, signals.get()); !s.ok()) {
    LogError("start", s.message());
    return absl::IsInvalidArgument(s) ? 2 : 1;
  }
  return 0;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
