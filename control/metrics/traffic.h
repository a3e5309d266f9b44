// What the planes have counted, and how new flows were shared out in the last ten seconds.
//
// A thread asks every plane once a second and keeps the answers of the last ten; readers ask for
// the planes' counters as they are now. Everything is safe from any thread.
//
//   Traffic traffic(pipeline->sinks());
//   TrafficNow now = traffic.Now();
//   std::optional<double> share = now.recent.Share(service_id, backend_id);
//
// Who watches the traffic is shown each sample, and leaves here what he has noticed.
#ifndef CONTROL_METRICS_TRAFFIC_H_
#define CONTROL_METRICS_TRAFFIC_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/publish/sink.h"
#include "control/sample/sample_now.h"
#include "control/watch/watch_alarm.h"
#include "dataplane/table/stats.h"

namespace evenkeel {

using FlowKey = std::pair<uint64_t, uint64_t>;  // (service id, backend id)

struct FlowTotals {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;
};

// New flows since some seconds ago.
class RecentFlows {
 public:
  // Fewer new flows of a service than this say nothing of how they are shared.
  static constexpr uint64_t kFlowsMin = 100;

  void Add(const FlowKey& key, uint64_t new_flows);
  // Fraction of the service's new flows that went to the backend; unset below kFlowsMin.
  std::optional<double> Share(uint64_t service, uint64_t backend) const;
  // New flows a second of the service; unset while nothing is known of before.
  std::optional<double> Rate(uint64_t service) const;

  absl::Duration span;  // that the flows were counted over

 private:
  absl::flat_hash_map<FlowKey, uint64_t> flows_;
  absl::flat_hash_map<uint64_t, uint64_t> services_;
};

struct PlaneAlarm {
  std::string message;
  absl::Time since;
};

// What the watch has noticed.
struct WatchNow {
  std::vector<WatchAlarm> alarms;
  uint64_t seconds = 0;  // that were compared with the tables, since the start
};

// All planes together, and each by itself.
struct TrafficNow {
  uint64_t received = 0;
  std::vector<uint64_t> reasons;  // by enum lb_reason
  absl::flat_hash_map<FlowKey, FlowTotals> flows;
  RecentFlows recent;
  // By the order of the sinks; an error where a plane could not be asked.
  std::vector<absl::StatusOr<StatsSnapshot>> planes;
  std::vector<PlaneAlarm> alarms;
  WatchNow watch;
  SampleNow samples;
};

class Traffic {
 public:
  explicit Traffic(std::vector<PlaneSink*> sinks);
  ~Traffic();

  // Called with each sample, from the sampling thread, without `recent`. Before Start().
  using Observer = std::function<void(const TrafficNow&, absl::Time)>;
  void Observe(Observer observer) { observer_ = std::move(observer); }
  // Told by Now() from then on.
  void SetWatch(WatchNow watch);
  void SetSamples(SampleNow samples);

  // Starts the sampling thread.
  void Start();

  // Asks the planes. One that is not connected counts nothing.
  TrafficNow Now();

  // Takes one sample, as the thread does each second; for tests.
  void Sample(absl::Time at);

 private:
  using NewFlows = absl::flat_hash_map<FlowKey, uint64_t>;
  struct Sampled {
    absl::Time at;
    uint64_t uptime_ns = 0;
    NewFlows new_flows;
  };

  TrafficNow Ask();
  void Keep(const TrafficNow& now, absl::Time at);
  void Run();

  const std::vector<PlaneSink*> sinks_;
  Observer observer_;  // may be empty

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<Sampled> samples_;               // oldest first
  uint64_t uptime_ns_ = 0;                    // of the planes at the newest sample, summed
  std::map<std::string, absl::Time> alarms_;  // since when a plane has said so
  WatchNow watch_;
  SampleNow sampled_;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_METRICS_TRAFFIC_H_
