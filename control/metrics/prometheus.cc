#include "control/metrics/prometheus.h"

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/reason_name.h"
#include "dataplane/forward/verdict.h"

namespace evenkeel {
namespace {

void Head(absl::string_view name, absl::string_view type, absl::string_view help,
          std::string* out) {
  absl::StrAppend(out, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

// One backend of one service. Names of the configuration have no character that a label must
// escape.
struct Row {
  std::string labels;
  double expected = 0;
  std::optional<double> observed;
  bool is_up = true;
  bool is_uneven = false;  // by the watch
  FlowTotals totals;
};

std::string Labels(absl::string_view service, absl::string_view backend) {
  return absl::StrCat("{service=\"", service, "\",backend=\"", backend, "\"}");
}

// By the labels of the backend; one of no single backend has an empty one.
std::set<std::string> UnevenOf(const TrafficNow& traffic) {
  std::set<std::string> uneven;
  for (const WatchAlarm& alarm : traffic.watch.alarms) {
    if (alarm.kind != WatchKind::kDistribution || !alarm.service) continue;
    uneven.insert(Labels(*alarm.service, alarm.backend.value_or("")));
  }
  return uneven;
}

std::vector<Row> RowsOf(const RunningRevision& running, const Standings& standings,
                        const TrafficNow& traffic) {
  std::map<std::string, size_t> pools;
  for (size_t i = 0; i < running.config.pools.size(); ++i) pools[running.config.pools[i].name] = i;
  const std::set<std::string> uneven = UnevenOf(traffic);
  std::vector<Row> rows;
  for (const Service& service : running.config.services) {
    const size_t place = pools.at(service.pool);
    const Pool& pool = running.config.pools[place];
    for (size_t i = 0; i < pool.backends.size(); ++i) {
      const FlowKey key{NameId(service.name), BackendId(pool.backends[i].address.bytes())};
      Row row{.labels = Labels(service.name, absl::StrCat(pool.name, "/", pool.backends[i].name))};
      row.is_uneven = uneven.contains(row.labels);
      if (running.compiled != nullptr) row.expected = running.compiled->pools[place].share(i);
      const BackendStanding standing = standings.Of(pool.name, pool.backends[i].address.bytes());
      row.is_up = standing.state == LB_BACKEND_UP && !standing.fails;
      row.observed = traffic.recent.Share(key.first, key.second);
      if (const auto found = traffic.flows.find(key); found != traffic.flows.end()) {
        row.totals = found->second;
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

void AddBackends(const RunningRevision& running, const Standings& standings,
                 const TrafficNow& traffic, std::string* out) {
  const std::vector<Row> rows = RowsOf(running, standings, traffic);
  const auto counter = [&](absl::string_view name, absl::string_view help,
                           uint64_t FlowTotals::*field) {
    Head(name, "counter", help, out);
    for (const Row& row : rows)
      absl::StrAppend(out, name, row.labels, " ", row.totals.*field, "\n");
  };
  counter("evenkeel_backend_packets_total", "Packets forwarded to the backend.",
          &FlowTotals::packets);
  counter("evenkeel_backend_bytes_total", "Bytes forwarded to the backend, as they came.",
          &FlowTotals::bytes);
  counter("evenkeel_backend_new_flows_total", "First packets forwarded to the backend.",
          &FlowTotals::new_flows);
  Head("evenkeel_backend_share_expected", "gauge", "Fraction of the table's slots.", out);
  for (const Row& row : rows) {
    absl::StrAppend(out, "evenkeel_backend_share_expected", row.labels, " ", row.expected, "\n");
  }
  Head("evenkeel_backend_share_observed", "gauge",
       "Fraction of the service's new flows of the last 10 s; absent below 100 of them.", out);
  for (const Row& row : rows) {
    if (!row.observed) continue;
    absl::StrAppend(out, "evenkeel_backend_share_observed", row.labels, " ", *row.observed, "\n");
  }
  Head("evenkeel_backend_up", "gauge", "1: the backend passes its check, or nothing checks it.",
       out);
  for (const Row& row : rows) {
    absl::StrAppend(out, "evenkeel_backend_up", row.labels, row.is_up ? " 1\n" : " 0\n");
  }
  Head("evenkeel_distribution_alarm", "gauge",
       "1: new flows are not shared out as the table says; backend=\"\" is the service as a whole.",
       out);
  for (const Row& row : rows) {
    absl::StrAppend(out, "evenkeel_distribution_alarm", row.labels,
                    row.is_uneven ? " 1\n" : " 0\n");
  }
  const std::set<std::string> uneven = UnevenOf(traffic);
  for (const Service& service : running.config.services) {
    const std::string labels = Labels(service.name, "");
    absl::StrAppend(out, "evenkeel_distribution_alarm", labels,
                    uneven.contains(labels) ? " 1\n" : " 0\n");
  }
}

void AddAlarms(const Pipeline& pipeline, const TrafficNow& traffic, std::string* out) {
  std::map<std::string, int> rules;
  for (const ControlAlarm& alarm : pipeline.Alarms()) ++rules[alarm.rule];
  for (const WatchAlarm& alarm : traffic.watch.alarms) ++rules[alarm.rule];
  if (!traffic.alarms.empty()) rules["plane"] += static_cast<int>(traffic.alarms.size());
  Head("evenkeel_alarms", "gauge", "Alarms that are held now, by the rule of evenkeel rules.", out);
  for (const auto& [rule, count] : rules) {
    absl::StrAppend(out, "evenkeel_alarms{rule=\"", rule, "\"} ", count, "\n");
  }
}

void AddDrops(const TrafficNow& traffic, std::string* out) {
  Head("evenkeel_drops_total", "counter", "Packets dropped, by reason.", out);
  for (uint32_t i = 0; i < LB_REASON_COUNT; ++i) {
    if (lb_reason_verdict(static_cast<lb_reason>(i)) != LB_DROP) continue;
    const uint64_t count = i < traffic.reasons.size() ? traffic.reasons[i] : 0;
    absl::StrAppend(out, "evenkeel_drops_total{reason=\"", lb_reason_name(i), "\"} ", count, "\n");
  }
}

void AddGenerations(const Pipeline& pipeline, const TrafficNow& traffic, std::string* out) {
  const RunningPtr running = pipeline.Running();
  Head("evenkeel_generation", "gauge", "Generation that is intended, published, run by the plane.",
       out);
  const auto add = [out](absl::string_view where, uint64_t generation) {
    absl::StrAppend(out, "evenkeel_generation{where=\"", where, "\"} ", generation, "\n");
  };
  add("intended", running == nullptr ? 0 : running->generation);
  for (size_t i = 0; i < pipeline.sinks().size(); ++i) {
    add("published", pipeline.sinks()[i]->State().generation);
    if (traffic.planes[i].ok()) add("plane", traffic.planes[i]->generation);
  }
}

void AddWorkers(const TrafficNow& traffic, std::string* out) {
  Head("evenkeel_worker_packets_total", "counter", "Packets forwarded by the worker.", out);
  for (const auto& plane : traffic.planes) {
    if (!plane.ok()) continue;
    for (const WorkerCount& worker : plane->workers) {
      absl::StrAppend(out, "evenkeel_worker_packets_total{worker=\"", worker.worker, "\"} ",
                      worker.packets, "\n");
    }
  }
}

void AddSamples(const SampleNow& samples, std::string* out) {
  Head("evenkeel_samples_total", "counter", "Sampled headers that were looked at.", out);
  absl::StrAppend(out, "evenkeel_samples_total ", samples.taken, "\n");
  Head("evenkeel_samples_lost_total", "counter", "Sampled headers that found no room.", out);
  absl::StrAppend(out, "evenkeel_samples_lost_total ", samples.lost, "\n");
  Head("evenkeel_sample_every", "gauge", "One packet in so many is sampled.", out);
  absl::StrAppend(out, "evenkeel_sample_every ", samples.every, "\n");
  const auto gauge = [&](absl::string_view name, absl::string_view help, auto value_of) {
    Head(name, "gauge", help, out);
    for (const ServiceSamples& service : samples.services) {
      absl::StrAppend(out, name, "{service=\"", service.service, "\"} ", value_of(service.window),
                      "\n");
    }
  };
  gauge("evenkeel_service_clients", "Distinct clients among the samples of five seconds.",
        [](const ServiceWindow& window) { return window.clients; });
  gauge("evenkeel_top_flow_bytes_share", "Of the bytes, by the flow with most of them.",
        [](const ServiceWindow& window) { return window.flow ? window.flow->bytes : 0; });
  gauge("evenkeel_top_client_packets_share", "Of the packets, by the heaviest client.",
        [](const ServiceWindow& window) { return window.client ? window.client->packets : 0; });
  gauge("evenkeel_top_client_new_flows_share", "Of the new flows, by the heaviest client.",
        [](const ServiceWindow& window) { return window.client ? window.client->new_flows : 0; });
}

}  // namespace

std::string MetricsText(const Pipeline& pipeline, const TrafficNow& traffic) {
  std::string out;
  if (const RunningPtr running = pipeline.Running()) {
    AddBackends(*running, pipeline.standings(), traffic, &out);
  }
  AddDrops(traffic, &out);
  AddGenerations(pipeline, traffic, &out);
  AddWorkers(traffic, &out);
  AddAlarms(pipeline, traffic, &out);
  AddSamples(traffic.samples, &out);
  Head("evenkeel_watched_seconds_total", "counter",
       "Seconds in which the watch has compared traffic with the tables.", &out);
  absl::StrAppend(&out, "evenkeel_watched_seconds_total ", traffic.watch.seconds, "\n");
  Head("evenkeel_plane_connected", "gauge", "1: the plane answers.", &out);
  for (size_t i = 0; i < pipeline.sinks().size(); ++i) {
    absl::StrAppend(&out, "evenkeel_plane_connected{plane=\"", pipeline.sinks()[i]->kind(), "\"} ",
                    traffic.planes[i].ok() ? 1 : 0, "\n");
  }
  Head("evenkeel_trial_active", "gauge", "1: a trial is under way.", &out);
  absl::StrAppend(&out, "evenkeel_trial_active ", pipeline.Trial() ? 1 : 0, "\n");
  return out;
}

std::string DigestJson(const Pipeline& pipeline) {
  nlohmann::json object{{"revision", 0}, {"generation", 0}, {"digest", nullptr}};
  nlohmann::json& pools = object["pools"] = nlohmann::json::array();
  if (const RunningPtr running = pipeline.Running()) {
    object["revision"] = running->revision;
    object["generation"] = running->generation;
    if (running->compiled != nullptr) {
      object["digest"] = HexDigest(running->compiled->image->StatedDigest());
      for (size_t i = 0; i < running->config.pools.size(); ++i) {
        const BuiltTablePtr& table = running->compiled->pools[i].table;
        nlohmann::json digest = nullptr;
        if (table != nullptr) digest = HexDigest(table->id_digest);
        pools.push_back({{"name", running->config.pools[i].name}, {"digest", digest}});
      }
    }
  }
  return object.dump() + "\n";
}

}  // namespace evenkeel
