#include "control/app/daemon.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/api/access.h"
#include "control/api/control_service.h"
#include "control/api/server_pool.h"
#include "control/api/unix_listener.h"
#include "control/app/alarm_teller.h"
#include "control/app/log.h"
#include "control/health/probe_findings.h"
#include "control/health/probe_once.h"
#include "control/health/prober.h"
#include "control/metrics/http_server.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/publish/make_sink.h"
#include "control/rollback/trial_guard.h"
#include "control/sample/sample_look.h"
#include "control/shadow/shadow_book.h"
#include "control/store/state_dir.h"
#include "control/store/store.h"
#include "control/version.h"
#include "control/watch/lookout.h"

namespace evenkeel {
namespace {

absl::StatusOr<AccessRules> RulesOf(const Settings& settings) {
  AccessRules rules{.own_uid = geteuid()};
  const auto find = [](const std::string& name, std::optional<gid_t>* group) {
    if (name.empty()) return absl::OkStatus();
    absl::StatusOr<gid_t> found = FindGroup(name);
    if (found.ok()) *group = *found;
    return found.status();
  };
  if (absl::Status s = find(settings.look_group, &rules.look_group); !s.ok()) return s;
  if (absl::Status s = find(settings.change_group, &rules.change_group); !s.ok()) return s;
  return rules;
}

// All who may do nothing share one server, or many of them would use up the pool.
const Who kStranger{.uid = UINT32_MAX, .name = "a user without permission"};

// With groups, everybody may connect and is judged by credentials, with a clear refusal.
mode_t SocketMode(const AccessRules& rules) {
  return rules.look_group || rules.change_group ? 0666 : 0660;
}

// New flows a second of the last seconds, by service; nothing where nothing was counted yet.
std::map<std::string, double> RatesOf(const Pipeline& pipeline, Traffic& traffic) {
  std::map<std::string, double> rates;
  const RunningPtr running = pipeline.Running();
  if (running == nullptr) return rates;
  const TrafficNow now = traffic.Now();
  for (const Service& service : running->config.services) {
    if (const auto rate = now.recent.Rate(NameId(service.name))) rates[service.name] = *rate;
  }
  return rates;
}

// Those of now, or of the emptiest moment of the last hour.
std::map<std::string, double> LowestRatesOf(const Pipeline& pipeline, Traffic& traffic,
                                            const History& history) {
  std::map<std::string, double> rates = RatesOf(pipeline, traffic);
  for (const auto& [service, lowest] : history.LowestRates()) {
    if (const auto rate = rates.find(service); rate != rates.end()) {
      rate->second = std::min(rate->second, lowest);
    }
  }
  return rates;
}

void TellOfAlarm(const AlarmEvent& event, Store& store, AlarmTeller& teller) {
  const ControlAlarm& alarm = event.alarm;
  teller.Send(event);
  const absl::Status logged = store.Log({.when = absl::Now(),
                                         .who = {.uid = geteuid(), .name = "evenkeeld"},
                                         .event = event.is_raised ? "alarm" : "alarm over",
                                         .revision = 0,
                                         .text = absl::StrCat(alarm.rule, ": ", alarm.message)});
  if (!logged.ok()) LogError("store", "cannot log an alarm: ", logged.message());
}

// Flows that the node can follow at a time: of the plane that has the least room, all its workers
// or queues together. 0: no plane tells.
uint64_t FlowTableEntriesOf(Traffic& traffic) {
  uint64_t least = 0;
  for (const absl::StatusOr<StatsSnapshot>& plane : traffic.Now().planes) {
    if (!plane.ok()) continue;
    uint64_t entries = 0;
    for (const FlowTableCount& table : plane->flow_tables) entries += table.entries;
    if (entries != 0 && (least == 0 || entries < least)) least = entries;
  }
  return least;
}

// What a trial's ways are asked with; its device goes with it.
PathAsker::Ask AskInRounds() {
  return [rounds = std::make_shared<ProbeRounds>()](const std::vector<HealthTarget>& targets,
                                                    const Network& network) {
    return rounds->Ask(targets, network);
  };
}

}  // namespace

// Verdicts reach the pipeline while there is one: prober and pipeline call each other, from threads
// of their own.
class VerdictGate {
 public:
  void Open(Pipeline* pipeline) {
    const std::lock_guard lock(mutex_);
    pipeline_ = pipeline;
  }
  void Close() { Open(nullptr); }
  void Pass(const HealthVerdict& verdict) {
    const std::lock_guard lock(mutex_);
    if (pipeline_ != nullptr) pipeline_->Take(verdict);
  }

 private:
  std::mutex mutex_;
  Pipeline* pipeline_ = nullptr;
};

// In the order of making; destroyed from the last to the first.
struct Daemon::Parts {
  std::optional<StateDir> state_dir;
  std::unique_ptr<Store> store;
  std::unique_ptr<PlaneSink> sink;
  std::unique_ptr<UnixListener> listener;
  VerdictGate verdicts;
  std::unique_ptr<Prober> prober;
  std::mutex probing;  // one dry run at a time
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<AlarmTeller> teller;
  std::unique_ptr<ShadowBook> shadows;
  std::unique_ptr<SampleLook> samples;
  std::unique_ptr<Lookout> lookout;
  std::unique_ptr<TrialGuard> guard;
  std::unique_ptr<Traffic> traffic;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<ServerPool> servers;
};

// The pipeline calls what is made after it only once it has been started.
Pipeline::Options Daemon::OptionsFor(Parts* parts) {
  Pipeline::Options options;
  options.new_flows = [parts] { return RatesOf(*parts->pipeline, *parts->traffic); };
  options.flow_table_entries = [parts] { return FlowTableEntriesOf(*parts->traffic); };
  options.check = [parts](const std::vector<HealthTarget>& targets, const Network& network) {
    if (parts->prober != nullptr) parts->prober->SetTargets(targets, network);
  };
  options.probe = [parts](const Config& config, absl::Duration within) {
    const std::lock_guard lock(parts->probing);
    return ProbeFindings(config, ProbeOnce(HealthTargetsOf(config), config.network, within));
  };
  return options;
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() {
  parts_->listener.reset();  // nobody new
  parts_->servers.reset();   // calls that run may finish
  parts_->http.reset();
  parts_->traffic.reset();
  parts_->guard.reset();
  // The sink's thread calls the pipeline, and the pipeline calls the sink: silence the thread
  // first.
  parts_->sink->Stop();
  parts_->verdicts.Close();
  parts_->pipeline.reset();
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Settings& settings) {
  auto parts = std::make_unique<Parts>();
  absl::StatusOr<AccessRules> rules = RulesOf(settings);
  if (!rules.ok()) return rules.status();

  absl::StatusOr<StateDir> state_dir = StateDir::Take(settings.state_dir);
  if (!state_dir.ok()) return state_dir.status();
  parts->state_dir.emplace(*std::move(state_dir));
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(settings.state_dir);
  if (!store.ok()) return store.status();
  parts->store = *std::move(store);

  // The socket before the planes: of two daemons the second must not touch them.
  absl::StatusOr<std::unique_ptr<UnixListener>> listener =
      UnixListener::Listen(settings.socket, SocketMode(*rules));
  if (!listener.ok()) return listener.status();
  parts->listener = *std::move(listener);

  absl::StatusOr<std::unique_ptr<PlaneSink>> sink =
      MakeSink({.plane = settings.plane,
                .dataplane_socket = settings.dataplane_socket,
                .interface = settings.interface,
                .xdp_mode = settings.xdp_mode,
                .flow_tracking = settings.flow_tracking});
  if (!sink.ok()) return sink.status();
  parts->sink = *std::move(sink);

  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
      Pipeline::Create(parts->store.get(), {parts->sink.get()}, OptionsFor(parts.get()));
  if (!pipeline.ok()) return pipeline.status();
  parts->pipeline = *std::move(pipeline);
  parts->verdicts.Open(parts->pipeline.get());
  absl::StatusOr<std::unique_ptr<Prober>> prober =
      Prober::Start({}, [parts = parts.get()](const HealthVerdict& v) { parts->verdicts.Pass(v); });
  if (!prober.ok()) return prober.status();
  parts->prober = *std::move(prober);
  absl::StatusOr<std::unique_ptr<AlarmTeller>> teller =
      AlarmTeller::Start({.exec = settings.alarm_exec, .webhook = settings.alarm_webhook});
  if (!teller.ok()) return teller.status();
  parts->teller = *std::move(teller);
  parts->traffic = std::make_unique<Traffic>(parts->pipeline->sinks());
  parts->lookout = std::make_unique<Lookout>(parts->pipeline.get(), parts->traffic.get(),
                                             [parts = parts.get()](const AlarmEvent& event) {
                                               TellOfAlarm(event, *parts->store, *parts->teller);
                                             });
  parts->guard =
      std::make_unique<TrialGuard>(parts->pipeline.get(), AskInRounds, [parts = parts.get()] {
        return LowestRatesOf(*parts->pipeline, *parts->traffic, parts->lookout->history());
      });
  parts->shadows = std::make_unique<ShadowBook>(parts->pipeline.get());
  parts->samples = std::make_unique<SampleLook>(parts->pipeline.get(), parts->traffic.get(),
                                                parts->shadows.get());
  parts->lookout->RefineBy(
      [parts = parts.get()](std::vector<WatchAlarm>* alarms) { parts->samples->Refine(alarms); });
  parts->traffic->Observe([parts = parts.get()](const TrafficNow& now, absl::Time at) {
    parts->samples->See(at);
    parts->lookout->See(now, at);
    parts->guard->See(now, parts->lookout->alarms(), at);
  });
  if (!settings.http.empty()) {
    absl::StatusOr<std::unique_ptr<HttpServer>> http = HttpServer::Start(
        settings.http, parts->pipeline.get(), parts->traffic.get(), &parts->lookout->history());
    if (!http.ok()) return http.status();
    parts->http = *std::move(http);
  }
  parts->pipeline->Start();
  parts->traffic->Start();

  parts->servers = std::make_unique<ServerPool>([parts = parts.get()](const Caller& caller) {
    return MakeControlService(parts->pipeline.get(), parts->traffic.get(), parts->guard.get(),
                              parts->shadows.get(), caller);
  });
  parts->listener->Start(
      [parts = parts.get(), rules = *rules](UniqueFd connection, const Peer& peer) {
        Caller caller{.who = {.uid = peer.uid, .name = peer.name}, .role = RoleOf(peer, rules)};
        if (caller.role == Role::kNone) {
          LogWarning("api", "refused ", peer.name, " (uid ", peer.uid, ", process ", peer.pid,
                     "), who may neither look nor change");
          caller.who = kStranger;
        }
        if (absl::Status s = parts->servers->Serve(std::move(connection), caller); !s.ok()) {
          LogError("api", "a connection of ", peer.name, " was closed: ", s.message());
        }
      });
  LogInfo("app", "evenkeeld ", kVersion, " (", kCommit, ") listens on ", settings.socket,
          ", keeps its state in ", settings.state_dir,
          settings.http.empty() ? "" : ", serves metrics on ", settings.http);
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

}  // namespace evenkeel
